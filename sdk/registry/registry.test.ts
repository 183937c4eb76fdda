import test from 'ava'
import { registryAgain, registryError } from './errors.ts'
import { memoryRegistry } from './memory-registry.ts'
import { modelOf } from './registry.contract.ts'
import { type KeptRounds, keepingRounds, type Lineage } from './registry.ts'

/** The rounds that are left after each commit. */
async function left(keep: KeptRounds, rounds: readonly Lineage['metrics'][]): Promise<(readonly number[])[]> {
  const registry = keepingRounds(memoryRegistry(), keep)
  const found: (readonly number[])[] = []
  for (const [index, metrics] of rounds.entries()) {
    await registry.commit(await modelOf(index + 1, { metrics }))
    found.push(await registry.list('pairs-1'))
  }
  return found
}

const accuracies = [0.2, 0.9, 0.5, 0.9, 0.1].map((accuracy) => ({ accuracy, loss: accuracy }))

test('the last rounds are kept, as many as asked for', async (t) => {
  t.deepEqual((await left({ last: 2, best: false }, accuracies)).at(-1), [4, 5])
  t.deepEqual((await left({ last: 9, best: false }, accuracies)).at(-1), [1, 2, 3, 4, 5])
})

test('the best round is kept beside them: by accuracy, else by loss, the first of equals', async (t) => {
  t.deepEqual(await left({ last: 1, best: true }, accuracies), [[1], [2], [2, 3], [2, 4], [2, 5]])
  const losses = [{ loss: 2 }, { loss: 1 }, { loss: 3 }]
  t.deepEqual((await left({ last: 1, best: true }, losses)).at(-1), [2, 3])
  t.deepEqual((await left({ last: 1, best: true }, [{}, { loss: 5 }, {}])).at(-1), [2, 3])
})

test('an error says whether another try may help', (t) => {
  const location = 'memory'
  t.is(registryAgain(registryError('REGISTRY_LOST', { location })), 'itself')
  t.is(registryAgain(registryError('REGISTRY_CREDENTIALS', { location })), 'mended')
  t.is(registryAgain(registryError('REGISTRY_DAMAGED', { location })), 'no')
  t.is(registryAgain(new Error('REGISTRY_LOST')), 'no')
})
