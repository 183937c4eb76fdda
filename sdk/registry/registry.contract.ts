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
    createdAt: '2026-11-02T03:04:05.678Z',
    metrics: { accuracy: 0.5, loss: 1 / 3 },
    members: ['trainer-0', 'trainer-2'],
    arrivals: [
      { end: 'trainer-2', dispatch: 2, version: 0 },
      { end: 'trainer-0', dispatch: 1, version: 0 },
    ],
    design: 'pairs',
    algorithm: { name: 'fedprox', settings: { mu: 0.1, rounds: 3, weighted: true, note: 'a "quoted" text' } },
    arithmetic: { quantumBits: { delta: 34 }, engine: 'engine' },
    privacy: { epsilon: 1.5, delta: 1e-5 },
    digests: { 'feature-holder-0': 'ab'.repeat(32) },
    hash: await weightsHash(weights),
    weights,
    layout,
    modelTopology: { class_name: 'Sequential', config: { layers: [{ name: 'dense', units: 2 }] } },
    ...change,
  }
}

/** A model whose weights take this number of bytes. */
export async function largeModel(bytes: number, round = 1): Promise<ModelToCommit> {
  const weights = new Float32Array(bytes / 4).fill(round + bytes)
  const layout = layoutOf([{ name: 'w', shape: [weights.length] }])
  return modelOf(round, { weights, layout, hash: await weightsHash(weights) })
}

/** Special openings of an adapter. */
export interface RegistryFaults {
  /**
   * For each instant at which a commit may be interrupted: a registry that holds what a process leaves that has
   * committed `before`, and was killed at that instant while it committed `model`.
   */
  interrupted?(before: ModelToCommit, model: ModelToCommit): AsyncIterable<ModelRegistry>
}

/**
 * The contract of every ModelRegistry. Each adapter's test file calls this with its own opening: a registry in which the
 * jobs pairs-1 to pairs-9 have no models.
 */
export function registryContract(
  test: TestFn,
  open: () => Promise<ModelRegistry>,
  { interrupted }: RegistryFaults = {},
): void {
  test('a committed model is loaded with the bits of its weights and its whole lineage', async (t) => {
    const registry = await open()
    const model = await modelOf(1, { weights: Float32Array.of(-0, 1e-45, 3.4e38, -1 / 3, 0, 5) })
    await registry.commit(model)
    const { location, ...loaded } = await registry.load('pairs-1', 1)
    t.deepEqual(new Uint8Array(loaded.weights.buffer), new Uint8Array(model.weights.buffer))
    t.deepEqual(loaded, model)
    t.true(location.length > 0)
    const { weights: _, layout: __, modelTopology: ___, ...lineage } = model
    t.deepEqual(await registry.describe('pairs-1', 1), { ...lineage, location })
  })

  test('a model without an architecture, and with no more than the lineage must have, comes back as it was', async (t) => {
    const registry = await open()
    const { design: _, algorithm: __, arithmetic: ___, privacy: ____, arrivals: _____, ...rest } = await modelOf(1)
    const { modelTopology: ______, createdAt: _______, digests: ________, ...model } = rest
    await registry.commit(model)
    const { location: _________, ...loaded } = await registry.load('pairs-1', 1)
    t.deepEqual(loaded, model)
  })

  test('metrics that are not finite come back as they were', async (t) => {
    const registry = await open()
    const metrics = { loss: Number.NaN, most: Number.POSITIVE_INFINITY, least: Number.NEGATIVE_INFINITY, tiny: 5e-324 }
    await registry.commit(await modelOf(1, { metrics }))
    t.deepEqual((await registry.describe('pairs-1', 1)).metrics, metrics)
    t.deepEqual((await registry.load('pairs-1', 1)).metrics, metrics)
    t.deepEqual((await registry.latest('pairs-1'))?.metrics, metrics)
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

  test('an opened round gives its weights piece by piece, as often as they are asked for', async (t) => {
    const registry = await open()
    const model = await largeModel(1_000_004, 3)
    await registry.commit(model)
    const { weightsBytes, ...opened } = await registry.open('pairs-1', 3)
    const { weights, ...described } = await registry.load('pairs-1', 3)
    t.deepEqual(opened, described)
    for (let time = 1; time <= 2; time++) {
      const pieces: Uint8Array[] = []
      for await (const piece of weightsBytes()) pieces.push(piece)
      t.true(Buffer.concat(pieces).equals(Buffer.from(weights.buffer)))
    }
    for await (const piece of weightsBytes()) {
      t.true(piece.length > 0)
      break
    }
    for (const missing of [registry.open('pairs-1', 4), registry.open('pairs-9', 1)])
      await t.throwsAsync(missing, { code: 'REGISTRY_UNKNOWN' })
  })

  test('while a round is replaced by one of another hash, readers find one of both whole, or none', async (t) => {
    const registry = await open()
    const models = await Promise.all(
      [1, 2].map((value) =>
        modelOf(1, { weights: new Float32Array(layout.size).fill(value), metrics: { accuracy: value / 4 } }),
      ),
    )
    for (let time = 0; time < 4; time++) {
      const state = { isOver: false }
      const replaced = registry.commit(models[time % 2] ?? (await modelOf(1))).finally(() => {
        state.isOver = true
      })
      while (!state.isOver) {
        const found = await registry.load('pairs-1', 1).catch((cause: unknown) => {
          t.like(cause, { code: 'REGISTRY_UNKNOWN' })
        })
        if (!found) continue
        const { location: _, ...loaded } = found
        t.true(models.some(({ hash }) => hash === loaded.hash))
        t.deepEqual(
          loaded,
          models.find(({ hash }) => hash === loaded.hash),
        )
      }
      await replaced
      t.is((await registry.load('pairs-1', 1)).hash, models[time % 2]?.hash ?? '')
    }
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

  test('jobs and parts that are committed at the same time do not mix', async (t) => {
    const registry = await open()
    const places = ['pairs-1', 'pairs-2', 'pairs-3'].flatMap((job) => [
      { job },
      { job, part: 'na' },
      { job, part: 'eu' },
    ])
    const models = await Promise.all(
      places.flatMap((place, index) =>
        [1, 2].map((round) =>
          modelOf(round, {
            ...place,
            seed: index,
            weights: new Float32Array(layout.size).fill(10 * index + round),
            metrics: { accuracy: index / 10 + round },
          }),
        ),
      ),
    )
    await Promise.all(models.map((model) => registry.commit(model)))
    for (const model of models) {
      const { location: _, ...loaded } = await registry.load(model.job, model.round, model.part)
      t.deepEqual(loaded, model)
      t.deepEqual(await registry.list(model.job, model.part), [1, 2])
      t.deepEqual(await registry.parts(model.job), ['eu', 'na'])
    }
  })

  if (interrupted)
    test('an interrupted commit leaves the round whole or absent, and the same commit again completes the round', async (t) => {
      const [first, second] = [await modelOf(1), await modelOf(2)]
      let instants = 0
      for await (const registry of interrupted(first, second)) {
        instants += 1
        const found = await registry.list('pairs-1')
        t.true([1, 2].includes(found.length), `instant ${instants}`)
        t.is((await registry.latest('pairs-1'))?.round, found.length)
        for (const round of found) {
          const { location: _, ...loaded } = await registry.load('pairs-1', round)
          t.deepEqual(loaded, round === 1 ? first : second)
        }
        await registry.commit(second)
        t.deepEqual(await registry.list('pairs-1'), [1, 2])
        t.is((await registry.load('pairs-1', 2)).hash, second.hash)
      }
      t.true(instants > 0)
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
