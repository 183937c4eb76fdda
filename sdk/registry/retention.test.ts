import test from 'ava'
import { memoryRegistry } from './memory-registry.ts'
import { modelOf } from './registry.contract.ts'
import type { Lineage } from './registry.ts'
import { bestRound, type KeptRounds, keepingRounds, type RetentionOptions } from './retention.ts'

/** The rounds that are left after each commit. */
async function left(
  keep: KeptRounds,
  rounds: readonly Lineage['metrics'][],
  options?: RetentionOptions,
): Promise<(readonly number[])[]> {
  const registry = keepingRounds(memoryRegistry(), keep, options)
  const found: (readonly number[])[] = []
  for (const [index, metrics] of rounds.entries()) {
    await registry.commit(await modelOf(index + 1, { metrics }))
    found.push(await registry.list('pairs-1'))
  }
  return found
}

const accuracies = [0.2, 0.9, 0.5, 0.9, 0.1].map((accuracy) => ({ accuracy, loss: accuracy }))

test('the last rounds are kept, as many as asked for', async (t) => {
  t.deepEqual((await left({ last: 2, best: 0 }, accuracies)).at(-1), [4, 5])
  t.deepEqual((await left({ last: 9, best: 0 }, accuracies)).at(-1), [1, 2, 3, 4, 5])
})

test('the best round is kept beside them: by accuracy, else by loss, the first of equals', async (t) => {
  t.deepEqual(await left({ last: 1, best: 1 }, accuracies), [[1], [2], [2, 3], [2, 4], [2, 5]])
  const losses = [{ loss: 2 }, { loss: 1 }, { loss: 3 }]
  t.deepEqual((await left({ last: 1, best: 1 }, losses)).at(-1), [2, 3])
  t.deepEqual((await left({ last: 1, best: 1 }, [{}, { loss: 5 }, {}])).at(-1), [2, 3])
})

test('several best rounds are kept, a metric that is not finite is the worst, and every so many rounds stay', async (t) => {
  t.deepEqual((await left({ last: 1, best: 2 }, accuracies)).at(-1), [2, 4, 5])
  const losses = [{ loss: Number.NaN }, { loss: Number.POSITIVE_INFINITY }, { loss: 2 }, {}, {}]
  t.deepEqual((await left({ last: 1, best: 1 }, losses)).at(-1), [3, 5])
  t.deepEqual((await left({ last: 1, every: 2 }, accuracies)).at(-1), [2, 4, 5])
  t.deepEqual((await left({ last: 1, best: 1, every: 3 }, accuracies)).at(-1), [2, 3, 5])
})

test('a round that something else needs stays', async (t) => {
  const isNeeded = ({ job, round }: { readonly job: string; readonly round: number }) =>
    job === 'pairs-1' && round === 3
  t.deepEqual((await left({ last: 1 }, accuracies, { isNeeded })).at(-1), [3, 5])
})

test('each part keeps its own rounds', async (t) => {
  const registry = keepingRounds(memoryRegistry(), { last: 1, best: 1 })
  for (const [part, metrics] of [
    ['eu', { accuracy: 1 }],
    ['na', { accuracy: 0 }],
  ] as const)
    for (const round of [1, 2, 3])
      await registry.commit(await modelOf(round, { part, metrics: { accuracy: metrics.accuracy * -round + round } }))
  t.deepEqual(await registry.list('pairs-1', 'eu'), [1, 3])
  t.deepEqual(await registry.list('pairs-1', 'na'), [3])
})

test('the best round of a model is named, and none where there is no model', async (t) => {
  const registry = memoryRegistry()
  t.is(await bestRound(registry, 'pairs-1'), undefined)
  for (const [index, metrics] of accuracies.entries()) await registry.commit(await modelOf(index + 1, { metrics }))
  t.is(await bestRound(registry, 'pairs-1'), 2)
})
