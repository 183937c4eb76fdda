import test from 'ava'
import fc from 'fast-check'
import { memoryStore } from '../../../../runtime/index.ts'
import { disturbed } from '../../../../test/support/slow-routes.ts'
import { memoryRegistry } from '../../../registry/memory-registry.ts'
import { verticalTraining } from '../../../strategy/algorithms/vertical/index.ts'
import { vertical } from '../../../tag/topologies.ts'
import { forSeeds, killedStore, lifeOf } from '../../../testing/index.ts'
import {
  central,
  commonOf,
  learnerOf,
  modelsOf,
  type PartyTable,
  partyPool,
  rehearseParties,
  seeded,
  three,
} from './party-job.contract.ts'

// Serial, and so before each test that loads the group.
test.serial('a virtual clock stands still while the first job of a process loads the group', async (t) => {
  const system = seeded(4)
  system.clock.schedule(60_000, () => {})
  const times: number[] = []
  const pool = await partyPool(three, () => void times.push(system.clock.now()))
  await rehearseParties(three, { pool, strategy: verticalTraining({ heldOut: 0.25 }), system })
  t.is(times[0], 0)
})

test('vertical with any cut of the columns is central training on the joined table, to rounding', async (t) => {
  const width = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }))
  const rows = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], { minLength: 8 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(width, rows), { minLength: 2, maxLength: 4 }),
      fc.boolean(),
      fc.nat(1000),
      async (parties, hasFeatures, seed) => {
        const table: PartyTable = {
          ...three,
          widths: parties.map(([own], party) => (party > 0 || hasFeatures ? own : [0, 0])),
          known: parties.map(([, known]) => known),
          seed,
        }
        fc.pre(commonOf(table).length > 1)
        const registry = memoryRegistry()
        const run = await rehearseParties(table, { registry, system: seeded(seed) })
        t.is(run.state, 'completed', String(run.cause))
        for (const [index, weights] of (await central(table, 3, 0.25)).entries()) {
          let from = 0
          for (const [party, { layout }] of (learnerOf(table).sections ?? []).entries()) {
            const part = party === 0 ? 'label-holder-0' : `feature-holder-${party - 1}`
            const { weights: found, layout: own } = await registry.load('job-1', index + 1, part)
            t.deepEqual(own, layout)
            for (const [place, value] of found.entries())
              if (Math.abs(value - (weights[from + place] ?? Number.NaN)) > 1e-5)
                t.fail(`round ${index + 1} of ${part}: ${value} at ${place}, not ${weights[from + place]}`)
            from += layout.size
          }
        }
      },
    ),
    { numRuns: 25 },
  )
})

test('the record of a round lists the hashes of the parts, and the loss and accuracy of held-out entities', async (t) => {
  const registry = memoryRegistry()
  const { rounds } = await rehearseParties(three, { registry })
  const { digests, metrics, members } = await registry.describe('job-1', 2, 'label-holder-0')
  const hashOf = (part: string) => rounds.find((each) => each.round === 2 && each.part === part)?.hash
  t.deepEqual(digests, {
    'feature-holder-0': hashOf('feature-holder-0'),
    'feature-holder-1': hashOf('feature-holder-1'),
  })
  t.deepEqual(members, ['feature-holder-0', 'feature-holder-1', 'label-holder-0'])
  t.deepEqual(Object.keys(metrics), ['accuracy', 'loss', 'train-loss'])
  t.true((await registry.describe('job-1', 1, 'feature-holder-1')).members.join() === 'feature-holder-1')
})

test('private intersection and keyed hashes find the same entities, and so the same models', async (t) => {
  const hashed = modelsOf(await rehearseParties(three))
  const psi = await rehearseParties(three, { strategy: verticalTraining({ heldOut: 0.25 }), system: seeded(4) })
  t.is(hashed.length, 9)
  t.deepEqual(modelsOf(psi), hashed)
})

test('a job that goes on for more rounds has the models of one that ran them at once', async (t) => {
  const [store, registry] = [memoryStore(), memoryRegistry()]
  const first = await rehearseParties(three, { store, registry, rounds: 2 })
  const more = await rehearseParties(three, { store, registry, rounds: 4 })
  t.deepEqual(
    [...new Set([...modelsOf(first), ...modelsOf(more)])].toSorted(),
    modelsOf(await rehearseParties(three, { rounds: 4 })),
  )
})

test('any order of messages gives the same models', async (t) => {
  const expected = modelsOf(await rehearseParties(three))
  const topology = vertical({ parties: 3 })
  await forSeeds(60, async (seed) => {
    t.deepEqual(modelsOf(await rehearseParties(three, disturbed(topology, seed))), expected)
  })
})

test('each round of each end gives the same when it is run twice', async (t) => {
  for (const alignment of ['psi', 'hashed'] as const) {
    const run = await rehearseParties(three, { strategy: verticalTraining({ alignment }), checkDeterminism: true })
    t.is(run.state, 'completed', String(run.cause))
  }
})

test('a role that fails at any pass and runs again changes no bit', async (t) => {
  let passes = 0
  const calm = await rehearseParties(three, { rounds: 2, pool: await partyPool(three, () => void (passes += 1)) })
  const expected = modelsOf(calm)
  t.true(passes > 60, `${passes} passes`)
  for (let failing = 1; failing <= passes; failing++) {
    let count = 0
    const pool = await partyPool(three, () => {
      count += 1
      if (count === failing) throw new Error('a passing fault')
    })
    const run = await rehearseParties(three, { rounds: 2, pool, system: seeded(failing) })
    t.is(run.state, 'completed', `pass ${failing}: ${String(run.cause)}`)
    t.deepEqual(modelsOf(run), expected, `pass ${failing}`)
  }
})

test('two roles that fail at some time change no bit', async (t) => {
  const expected = modelsOf(await rehearseParties(three, { rounds: 2 }))
  await forSeeds(100, async (seed) => {
    let count = 0
    const pool = await partyPool(three, () => {
      count += 1
      if (count === 1 + ((7 * seed) % 60) || count === 5 + ((13 * seed) % 80)) throw new Error('a passing fault')
    })
    const run = await rehearseParties(three, { rounds: 2, pool, system: seeded(seed) })
    t.is(run.state, 'completed', String(run.cause))
    t.deepEqual(modelsOf(run), expected)
  })
})

test('a process that ends just before or after any write goes on to the same models, and each is published', async (t) => {
  const expected = modelsOf(await rehearseParties(three, { rounds: 2 }))
  let kills = 0
  for (const alignment of ['hashed', 'psi'] as const)
    for (const endsAfter of [false, true])
      for (let steps = 1; ; steps++) {
        const strategy = verticalTraining({ alignment, heldOut: 0.25 })
        const [store, models, life] = [memoryStore(), memoryRegistry(), lifeOf(steps, endsAfter)]
        const registry = {
          ...models,
          async commit(model: Parameters<typeof models.commit>[0]) {
            if (life.ended) throw new Error('the process has ended')
            return models.commit(model)
          },
        }
        const job = { rounds: 2, strategy, system: seeded(steps) }
        await rehearseParties(three, { ...job, store: killedStore(store, life), registry })
        if (!life.ended) break
        kills += 1
        const second = await rehearseParties(three, { ...job, store, registry: models })
        t.is(second.state, 'completed', `step ${steps}: ${String(second.cause)}`)
        const found: string[] = []
        for (const part of await models.parts('job-1'))
          for (const round of await models.list('job-1', part))
            found.push(`${part} ${round} ${(await models.describe('job-1', round, part)).hash}`)
        t.deepEqual(found.toSorted(), expected, `step ${steps}`)
        if (alignment === 'psi' && steps > 12) break
      }
  t.true(kills > 40, `${kills} kills`)
})
