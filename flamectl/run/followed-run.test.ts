import test from 'ava'
import { reportedRounds } from './followed-run.ts'

test('a round is waited for until the round of its part was shown, or a later one of that part', async (t) => {
  const rounds = reportedRounds()
  const seen: string[] = []
  const waiting = [{ round: 1, part: 'red' }, { round: 1, part: 'blue' }, { round: 2, part: 'red' }, { round: 1 }].map(
    async (model) => {
      await rounds.untilReported(model)
      seen.push(`${model.part} ${model.round}`)
    },
  )
  await Promise.resolve()
  t.deepEqual(seen, [])
  rounds.reported({ round: 1, part: 'red' })
  await waiting[0]
  t.deepEqual(seen, ['red 1'])
  rounds.reported({ round: 2, part: 'blue' })
  await waiting[1]
  t.deepEqual(seen, ['red 1', 'blue 1'])
  rounds.reported({ round: 2, part: 'red' })
  rounds.reported({ round: 1 })
  await Promise.all(waiting)
  await rounds.untilReported({ round: 1, part: 'red' })
  t.deepEqual(seen.slice(2), ['red 2', 'undefined 1'])
})

test('when rounds are shown no more none is waited for, and nothing keeps the process', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const rounds = reportedRounds()
  const waiting = [1, 2].map((round) => rounds.untilReported({ round }))
  t.is(timers(), before + 2)
  rounds.close()
  await Promise.all([...waiting, rounds.untilReported({ round: 3 })])
  t.true(timers() <= before)
})
