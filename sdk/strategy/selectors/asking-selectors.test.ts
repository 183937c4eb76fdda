import test from 'ava'
import fc from 'fast-check'
import { memoryStore, seededScheduler, virtualClock } from '../../../runtime/index.ts'
import { learnError } from '../../learn/errors.ts'
import { randomStream } from '../../random/random-stream.ts'
import { stockRoles } from '../../role/stock/stock-roles.ts'
import { coordinated, hierarchical, hybrid, replicated, ring, twoTier } from '../../tag/topologies.ts'
import { forSeeds, killedStore, lifeOf, rehearse, roleStage, tinyPool } from '../../testing/index.ts'
import type { PoolTrainingRequest } from '../../training/training-pool.ts'
import type { Algorithm } from '../algorithm.ts'
import { fedBuff } from '../algorithms/asynchronous/index.ts'
import { fedGft } from '../algorithms/fair/index.ts'
import { fedAvg } from '../algorithms/server/index.ts'
import { choicesOf, chosenAlgorithm } from '../chosen-algorithm.ts'
import { requireTopology } from '../fitting-algorithm.ts'
import { namedPopulation } from '../population.ts'
import { askedPowerOfChoice, seatsOf, stratifiedSelector } from './asking-selectors.ts'
import { deadlineSelector } from './deadline-selector.ts'

const clients = 8
const chosen = (selector: string, own: Algorithm = fedAvg()) => chosenAlgorithm(own, choicesOf({ selector }))

/** A pool in which client i has the loss i, i + 1 examples, and labels of its own. */
function pool(labelOf: (client: number) => number = () => 0) {
  const base = tinyPool({ clients })
  return {
    ...base,
    evaluateClient: async ({ client, columns = [] }: Parameters<typeof base.evaluateClient>[0]) => ({
      samples: client + 1,
      metrics: { loss: client },
      columns: Object.fromEntries(
        columns.map((name) => [name, new Float64Array(client + 1).fill(labelOf(client))] as const),
      ),
    }),
  }
}

test('power-of-choice asks d candidates before each round, and selects the k of the highest losses', async (t) => {
  const trained = new Map<number, Set<string>>()
  const asked: string[] = []
  const counting = {
    ...pool(),
    async train(request: PoolTrainingRequest) {
      trained.set(request.round, (trained.get(request.round) ?? new Set()).add(request.end))
      return pool().train(request)
    },
    async evaluateClient(request: Parameters<ReturnType<typeof pool>['evaluateClient']>[0]) {
      asked.push(`trainer-${request.client}`)
      return pool().evaluateClient(request)
    },
  }
  const run = await rehearse({
    strategy: chosen('power-of-choice,k=2,d=5'),
    topology: twoTier({ clients }),
    pool: counting,
    rounds: 4,
  })
  t.is(run.state, 'completed', String(run.cause))
  for (const [index, { members }] of run.rounds.entries()) {
    const candidates = asked.slice(5 * index, 5 * index + 5).toSorted()
    t.is(new Set(candidates).size, 5)
    t.deepEqual(members, candidates.slice(-2))
    t.deepEqual([...(trained.get(index + 1) ?? [])].toSorted(), members)
  }
})

test('candidates are drawn by the numbers of examples that they told', (t) => {
  const ends = ['a', 'b', 'c', 'd']
  const selector = askedPowerOfChoice({ count: 1, candidates: 1 })
  const told = [
    { end: 'a', samples: 1, numbers: { loss: 1 } },
    { end: 'b', samples: 97, numbers: { loss: 1 } },
    { end: 'c', samples: 1, numbers: { loss: 1 } },
    { end: 'd', samples: 1, numbers: { loss: 1 } },
  ]
  const { known } =
    selector.remember?.(undefined, { round: 1, selected: [], reports: {}, told }, namedPopulation(ends)) ?? {}
  let times = 0
  for (let seed = 0; seed < 200; seed++)
    if (selector.candidates?.(namedPopulation(ends, known), randomStream(seed))[0] === 'b') times += 1
  t.true(times > 180, `${times}`)
})

for (const selector of ['power-of-choice,k=3,d=5', 'stratified,k=4']) {
  test(`${selector}: runs through sums of middle aggregators to the bits of two tiers, and runs twice alike`, async (t) => {
    const strategy = chosen(selector)
    const of = (topology: ReturnType<typeof twoTier>) =>
      rehearse({ strategy, topology, pool: pool((client) => client % 3), rounds: 4, checkDeterminism: true })
    const [flat, deep] = await Promise.all([of(twoTier({ clients })), of(hierarchical({ clients, groups: 2 }))])
    t.is(flat.state, 'completed', String(flat.cause))
    t.is(deep.state, 'completed', String(deep.cause))
    t.deepEqual(
      deep.rounds.map(({ hash }) => hash),
      flat.rounds.map(({ hash }) => hash),
    )
  })

  for (const [name, topology] of Object.entries({ coordinated, hybrid, replicated })) {
    test(`${selector}: a ${name} topology gives the bits of two tiers`, async (t) => {
      const options = { strategy: chosen(selector), pool: pool((client) => client % 3), rounds: 3 }
      const [flat, other] = await Promise.all(
        [twoTier, topology].map((make) => rehearse({ ...options, topology: make({ clients }) })),
      )
      t.is(other?.state, 'completed', String(other?.cause))
      t.deepEqual(
        other?.rounds.map(({ hash }) => hash),
        flat?.rounds.map(({ hash }) => hash),
      )
    })
  }

  test(`${selector}: an aggregator that ends at any write selects the same, and publishes the same`, (t) =>
    forSeeds(20, async (seed) => {
      const store = memoryStore()
      const published = new Map<number, string>()
      const top = 'top-aggregator-0'
      const job = {
        ...{ topology: twoTier({ clients }), roles: stockRoles, strategy: chosen(selector), rounds: 4 },
        pool: pool((client) => client % 3),
        onPublish({ round, weights, members }: { round: number; weights: Float32Array; members: readonly string[] }) {
          const content = `${members.join()} ${weights.join()}`
          t.is(published.get(round) ?? content, content)
          published.set(round, content)
        },
      }
      const dying = killedStore(store, lifeOf(1 + seed, seed % 2 === 0))
      for (const each of [dying, store]) {
        const stage = roleStage({ ...job, store: each, system: { scheduler: seededScheduler(seed) } })
        const ended = await stage.ended(top)
        await stage.system.terminate()
        if (each === store) t.is(ended.type, 'task-completed')
      }
      t.is(published.size, 4)
    }))
}

test('strata have seats by their examples, and each end is asked once', async (t) => {
  const asked: number[] = []
  const base = pool((client) => (client < 2 ? 0 : client < 6 ? 1 : 2))
  const run = await rehearse({
    // Strata of 3, 18 and 15 examples.
    strategy: chosen('stratified,k=4'),
    topology: twoTier({ clients }),
    pool: {
      ...base,
      evaluateClient(request: Parameters<typeof base.evaluateClient>[0]) {
        asked.push(request.client)
        return base.evaluateClient(request)
      },
    },
    rounds: 5,
  })
  t.deepEqual(asked.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7])
  const strataOf = (members: readonly string[]) =>
    members.map((end) => Number(end.slice(-1))).map((client) => (client < 2 ? 0 : client < 6 ? 1 : 2))
  for (const { members } of run.rounds) t.deepEqual(strataOf(members), [1, 1, 2, 2])
  t.true(new Set(run.rounds.map(({ members }) => members.join())).size > 1)
})

test('a job whose candidates cannot answer fails with their fault, and what to do', async (t) => {
  const run = await rehearse({
    strategy: chosen('stratified,k=2,property=region'),
    topology: twoTier({ clients }),
    pool: {
      ...pool(),
      evaluateClient: async () => {
        throw learnError('LEARN_COLUMN', { name: 'region', known: 'none' })
      },
    },
  })
  t.is(run.state, 'failed')
  t.like(run.cause, { code: 'ROLE_TOO_FEW_ANSWERS' })
  t.regex(String(Object(run.cause).message), /no column region/)
  t.regex(String(Object(run.cause).hint), /add the column/)
})

test('seats are shared out by largest remainders, none beyond the most, and all of them', (t) => {
  const party = fc.record({ weight: fc.integer({ min: 0, max: 50 }), most: fc.integer({ min: 1, max: 6 }) })
  fc.assert(
    fc.property(fc.array(party, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 30 }), (parties, count) => {
      const seats = seatsOf(parties, count)
      const room = parties.reduce((sum, { most }) => sum + most, 0)
      t.is(
        seats.reduce((sum, each) => sum + each, 0),
        Math.min(count, room),
      )
      const total = parties.reduce((sum, { weight }) => sum + weight, 0)
      for (const [index, { weight, most }] of parties.entries()) {
        const given = seats[index] ?? 0
        t.true(given <= most)
        // Where nobody is full, each has its quota rounded down or up.
        if (total > 0 && parties.every((each) => each.most >= count))
          t.true(Math.abs(given - (count * weight) / total) < 1, `${seats}`)
      }
    }),
  )
  const wide = (weight: number) => ({ weight, most: 9 })
  t.deepEqual(seatsOf([wide(47), wide(16), wide(37)], 10), [5, 1, 4])
  t.deepEqual(seatsOf([wide(1), wide(1), wide(1)], 2), [1, 1, 0])
})

test('without any examples known, strata share seats evenly; with an end of none it is left out', (t) => {
  const selector = stratifiedSelector({ count: 2 })
  const told = ['a', 'b'].map((end, stratum) => ({ end, samples: 0, numbers: { stratum } }))
  t.deepEqual(selector.select(namedPopulation(['a', 'b', 'c']), randomStream(1), undefined, told), ['a', 'b'])
})

/** Of up to 9 ends the seconds that each takes. */
const times = fc
  .array(fc.integer({ min: 0, max: 25 }), { maxLength: 9 })
  .map((all) => Object.fromEntries(all.map((seconds, index) => [`trainer-${index}`, seconds] as const)))
const share = fc.integer({ min: 0, max: 8 }).map((eighths) => eighths / 8)

test('FedCS selects, one after another, who adds the least time, and never beyond the deadline', (t) => {
  fc.assert(
    fc.property(times, share, fc.integer({ min: 1, max: 40 }), (all, uploadShare, deadline) => {
      // The paper's algorithm 3, on lists.
      const left = Object.entries(all).map(([end, whole]) => {
        return { end, training: (1 - uploadShare) * whole, upload: uploadShare * whole }
      })
      const expected: string[] = []
      let finish = 0
      while (left.length > 0) {
        const added = ({ training, upload }: (typeof left)[number]) => Math.max(0, training - finish) + upload
        const least = Math.min(...left.map(added))
        const index = left.findIndex((each) => added(each) === least)
        const [next] = left.splice(index, 1)
        if (next && finish + least <= deadline) {
          finish += least
          expected.push(next.end)
        }
      }
      const population = namedPopulation(Object.keys(all), { seconds: all })
      const found = deadlineSelector({ deadlineSeconds: deadline, uploadShare }).select(population, randomStream(1))
      // With nobody in time, the fastest end is selected.
      if (expected.length > 0) t.deepEqual(found, expected.toSorted())
      else t.is(found.length, Math.min(1, population.size))
      t.true(finish <= deadline)
    }),
  )
})

test('by deadline: unknown ends come in, slow ones stay out, and somebody is always selected', (t) => {
  const ends = ['a', 'b', 'c']
  const selector = deadlineSelector({ deadlineSeconds: 10, uploadShare: 0.5 })
  const after = (seconds: Readonly<Record<string, number>>) => {
    const reports = Object.fromEntries(
      Object.entries(seconds).map(([end, each]) => [end, { samples: 1, metrics: {}, seconds: each }]),
    )
    const learnt = selector.remember?.(undefined, { round: 1, selected: ends, reports }, namedPopulation(ends))
    return selector.select(namedPopulation(ends, learnt?.known), randomStream(1))
  }
  t.deepEqual(after({}), ends)
  t.deepEqual(after({ a: 4, b: 100, c: 6 }), ['a', 'c'])
  t.deepEqual(after({ a: 400, b: 100, c: 600 }), ['b'])
  t.deepEqual(after({ a: 4, b: 4 }), ends)
})

test('a job selects by deadline from what the aggregator measures', async (t) => {
  const run = await rehearse({
    strategy: chosen('deadline,deadline=5'),
    topology: twoTier({ clients }),
    pool: pool(),
    rounds: 3,
    system: { clock: virtualClock() },
    checkDeterminism: true,
  })
  t.is(run.state, 'completed', String(run.cause))
})

test('selectors that ask or learn are refused where nobody could', (t) => {
  const refused = (algorithm: Algorithm, topology: ReturnType<typeof twoTier>, message: RegExp) =>
    t.throws(() => requireTopology(algorithm, topology.schema), { code: 'STRATEGY_TOPOLOGY', message })
  refused(
    chosen('power-of-choice,k=1,d=2', fedBuff()),
    twoTier({ clients }),
    /asynchronous.*could ask.*selector fedbuff/,
  )
  refused(chosen('fair,k=1', fedBuff()), twoTier({ clients }), /asynchronous.*could learn/)
  refused(chosen('stratified,k=1'), ring({ clients }), /asks clients before each round/)
  refused(chosen('deadline,deadline=9'), hierarchical({ clients }), /learns from each update/)
  refused(chosen('power-of-choice,k=1,d=2,losses=last'), hierarchical({ clients }), /learns from each update/)
  t.notThrows(() => requireTopology(chosen('power-of-choice,k=1,d=2', fedGft()), twoTier({ clients }).schema))
  t.throws(() => chosen('power-of-choice,k=3,d=2'), { code: 'STRATEGY_SETTING', message: /at least 3/ })
})
