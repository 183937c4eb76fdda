import test from 'ava'
import { faultyMiddle } from '../../test/support/faulty-middle.ts'
import { hierarchical } from '../tag/topologies.ts'
import { type RehearsalOptions, rehearse } from '../testing/index.ts'

const topology = hierarchical({ clients: 6, groups: 3 })

function run(throwsFrom: Readonly<Record<string, number>>, options: Partial<RehearsalOptions> = {}) {
  const roles = { 'middle-aggregator': faultyMiddle(throwsFrom) }
  return rehearse({ topology, roles, rounds: 6, ...options })
}

test('trainers below a middle aggregator that fails for good go on below the others, and the lost round shows why it lacks them', async (t) => {
  const { state, rounds, notices } = await run({ 'middle-aggregator-0': 2 })
  t.is(state, 'completed')
  t.deepEqual(notices, ['TASK_FAILED', 'AGGREGATOR_REPLACED'])
  const [first, second] = rounds
  t.is(first?.members.length, 6)
  t.deepEqual(second?.members, ['trainer-2', 'trainer-3', 'trainer-4', 'trainer-5'])
  t.deepEqual(second?.notCounted, [
    { end: 'trainer-0', reason: 'gone' },
    { end: 'trainer-1', reason: 'gone' },
  ])
  t.is(rounds.at(-1)?.members.length, 6)
})

test('a job whose last middle aggregator fails for good fails at once, with its cause', async (t) => {
  const { state, cause, rounds } = await run({
    'middle-aggregator-0': 2,
    'middle-aggregator-1': 2,
    'middle-aggregator-2': 3,
  })
  t.is(state, 'failed')
  t.regex(String(cause), /middle-aggregator-2 is broken/)
  t.is(rounds.length, 2)
})
