import test from 'ava'
import { reportedRounds } from './followed-run.ts'

test('a round is waited for until it was shown, or one after it', async (t) => {
  const rounds = reportedRounds()
  const seen: number[] = []
  const waiting = [1, 2].map(async (round) => {
    await rounds.untilReported(round)
    seen.push(round)
  })
  await Promise.resolve()
  t.deepEqual(seen, [])
  rounds.reported(1)
  await waiting[0]
  t.deepEqual(seen, [1])
  rounds.reported(2)
  await Promise.all(waiting)
  await rounds.untilReported(1)
  t.deepEqual(seen, [1, 2])
})

test('when nobody shows rounds any more none is waited for, and nothing keeps the process', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const rounds = reportedRounds()
  const waiting = [1, 2].map((round) => rounds.untilReported(round))
  t.is(timers(), before + 2)
  rounds.close()
  await Promise.all([...waiting, rounds.untilReported(3)])
  t.true(timers() <= before)
})
