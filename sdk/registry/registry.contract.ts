import type { TestFn } from 'ava'
import { layoutOf, weightsHash } from '../weights/layout.ts'
import type { ModelRegistry, ModelToCommit } from './registry.ts'

export const layout = layoutOf([
  { name: 'kernel', shape: [2, 2] },
  { name: 'bias', shape: [2] },
])

/** A model of a round, with changed fields. */
export async function modelOf(round: number, change: Partial<ModelToCommit> = {}): Promise<ModelToCommit> {
  const weights = change.weights ?? Float32Array.from({ length: layout.size }, (_, index) => round + index / 8)
  return {
    job: 'pairs-1',
    workload: 'pairs',
    seed: 7,
    round,
    metrics: { accuracy: 0.5, loss: 1 / 3 },
    members: ['trainer-0', 'trainer-2'],
    arrivals: [
      { end: 'trainer-2', dispatch: 2, version: 0 },
      { end: 'trainer-0', dispatch: 1, version: 0 },
    ],
    hash: await weightsHash(weights),
    weights,
    layout,
    ...change,
  }
}

/** The contract of every ModelRegistry. Each adapter's test file calls this with its own opening. */
export function registryContract(test: TestFn, open: () => Promise<ModelRegistry>): void {
  test('a committed model is loaded with the bits of its weights and its whole lineage', async (t) => {
    const registry = await open()
    const model = await modelOf(1, { weights: Float32Array.of(-0, 1e-45, 3.4e38, -1 / 3, 0, 5) })
    await registry.commit(model)
    const { weights, location, ...lineage } = await registry.load('pairs-1', 1)
    t.deepEqual(new Uint8Array(weights.buffer), new Uint8Array(model.weights.buffer))
    const { weights: _, layout: __, ...expected } = model
    t.deepEqual(lineage, expected)
    t.true(location.length > 0)
  })

  test('rounds are listed in order of their numbers, each job by itself, and the last one is the latest', async (t) => {
    const registry = await open()
    for (const round of [10, 2, 1, 10_001]) await registry.commit(await modelOf(round))
    await registry.commit(await modelOf(3, { job: 'pairs-2' }))
    t.deepEqual(await registry.list('pairs-1'), [1, 2, 10, 10_001])
    t.deepEqual(await registry.list('pairs-2'), [3])
    const latest = await registry.latest('pairs-1')
    t.like(latest, {
      round: 10_001,
      job: 'pairs-1',
      hash: (await modelOf(10_001)).hash,
      members: ['trainer-0', 'trainer-2'],
    })
    t.false(latest !== undefined && 'weights' in latest)
    t.is(latest?.location, (await registry.load('pairs-1', 10_001)).location)
  })

  test('of a job without rounds there is no latest, no list, and nothing to load', async (t) => {
    const registry = await open()
    await registry.commit(await modelOf(1))
    t.is(await registry.latest('pairs-9'), undefined)
    t.deepEqual(await registry.list('pairs-9'), [])
    for (const [job, round] of [
      ['pairs-9', 1],
      ['pairs-1', 2],
    ] as const)
      t.like(await t.throwsAsync(registry.load(job, round)), { code: 'REGISTRY_UNKNOWN', values: { job, round } })
  })

  test('the same round with the same hash changes nothing; with another hash it replaces', async (t) => {
    const registry = await open()
    await registry.commit(await modelOf(1))
    await registry.commit(await modelOf(1, { metrics: { accuracy: 1 } }))
    t.is((await registry.load('pairs-1', 1)).metrics.accuracy, 0.5)
    const other = await modelOf(1, { weights: new Float32Array(layout.size).fill(9), metrics: { accuracy: 0.9 } })
    await registry.commit(other)
    const found = await registry.load('pairs-1', 1)
    t.is(found.hash, other.hash)
    t.is(found.metrics.accuracy, 0.9)
    t.deepEqual(found.weights, other.weights)
    t.deepEqual(await registry.list('pairs-1'), [1])
  })

  test('what was given and what is returned is not shared with the registry', async (t) => {
    const registry = await open()
    const model = await modelOf(1)
    await registry.commit(model)
    const before = model.weights.slice()
    model.weights.fill(0)
    const loaded = await registry.load('pairs-1', 1)
    t.deepEqual(loaded.weights, before)
    loaded.weights.fill(0)
    t.deepEqual((await registry.load('pairs-1', 1)).weights, before)
  })

  test('commits at the same time all take effect', async (t) => {
    const registry = await open()
    const models = await Promise.all([4, 1, 3, 2, 3].map((round) => modelOf(round)))
    await Promise.all(models.map((model) => registry.commit(model)))
    t.deepEqual(await registry.list('pairs-1'), [1, 2, 3, 4])
    for (const { round, hash } of models) t.is((await registry.load('pairs-1', round)).hash, hash)
  })

  test('weights that are a part of a larger array are committed alone', async (t) => {
    const registry = await open()
    const large = Float32Array.from({ length: 10 }, (_, index) => index)
    const weights = large.subarray(2, 8)
    await registry.commit(await modelOf(1, { weights }))
    t.deepEqual((await registry.load('pairs-1', 1)).weights, Float32Array.of(2, 3, 4, 5, 6, 7))
  })

  test('a round without metrics and members, and with many, comes back as it was', async (t) => {
    const registry = await open()
    const members = Array.from({ length: 3000 }, (_, index) => `trainer-${index}`).toSorted()
    const names = ['"members": []', 'a "quoted" $& metric']
    await registry.commit(await modelOf(1, { metrics: {}, members: [] }))
    await registry.commit(await modelOf(2, { metrics: Object.fromEntries(names.map((name) => [name, 1])), members }))
    t.like(await registry.load('pairs-1', 1), { metrics: {}, members: [] })
    t.deepEqual((await registry.load('pairs-1', 2)).members, members)
    t.deepEqual(Object.keys((await registry.load('pairs-1', 2)).metrics), names)
  })

  test('a round that is removed is gone, whole, and the others stay', async (t) => {
    const registry = await open()
    for (const round of [1, 2, 3]) await registry.commit(await modelOf(round))
    for (const round of [3, 1, 1, 7]) await registry.remove('pairs-1', round)
    t.deepEqual(await registry.list('pairs-1'), [2])
    t.is((await registry.latest('pairs-1'))?.round, 2)
    t.is((await registry.describe('pairs-1', 2)).hash, (await modelOf(2)).hash)
    await t.throwsAsync(registry.describe('pairs-1', 3), { code: 'REGISTRY_UNKNOWN' })
    await registry.commit(await modelOf(3))
    t.deepEqual(await registry.list('pairs-1'), [2, 3])
  })

  test('several models of a round stand side by side, each under its part', async (t) => {
    const registry = await open()
    const shifted = (by: number) => Float32Array.from({ length: layout.size }, (_, index) => by + index)
    for (const [part, by] of [
      ['na', 10],
      ['eu', 20],
      ['eu/../x', 30],
    ] as const)
      await registry.commit(await modelOf(1, { part, weights: shifted(by) }))
    await registry.commit(await modelOf(2, { part: 'eu', weights: shifted(40) }))
    t.deepEqual(await registry.parts('pairs-1'), ['eu', 'eu/../x', 'na'])
    t.deepEqual(await registry.list('pairs-1', 'eu'), [1, 2])
    t.deepEqual(await registry.list('pairs-1'), [])
    t.deepEqual((await registry.load('pairs-1', 1, 'na')).weights, shifted(10))
    t.deepEqual((await registry.load('pairs-1', 1, 'eu/../x')).weights, shifted(30))
    t.like(await registry.latest('pairs-1', 'eu'), { round: 2, part: 'eu' })
    await registry.remove('pairs-1', 1, 'eu')
    t.deepEqual(await registry.list('pairs-1', 'eu'), [2])
    t.deepEqual(await registry.list('pairs-1', 'na'), [1])
    await t.throwsAsync(registry.describe('pairs-1', 1, 'eu'), { code: 'REGISTRY_UNKNOWN' })
  })
}
