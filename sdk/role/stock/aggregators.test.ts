import test from 'ava'
import { errorFactory, memoryStore, seededScheduler, virtualClock } from '../../../runtime/index.ts'
import { slowTrainer } from '../../../test/support/scripted-role.ts'
import type { Algorithm } from '../../strategy/algorithm.ts'
import { krum } from '../../strategy/algorithms/robust/index.ts'
import { fedAvg } from '../../strategy/algorithms/server/index.ts'
import type { SchemaChannel } from '../../tag/schema.ts'
import { hierarchical, twoTier } from '../../tag/topologies.ts'
import type { Topology } from '../../tag/topology.ts'
import {
  forSeeds,
  killedStore,
  lifeOf,
  type RoleStage,
  roleStage,
  type StageOptions,
  tinyPool,
} from '../../testing/index.ts'
import { type AnyRole, channelTagged, type RoundRecord, role } from '../role.ts'
import { middleAggregator } from './middle-aggregator.ts'
import { type Assignment, above, below } from './round-protocol.ts'
import { stockRoles } from './stock-roles.ts'

const top = 'top-aggregator-0'
const never = new Promise<never>(() => {})
const mishap = errorFactory({ MISHAP: { message: 'client {client} is ill', hint: 'mend it' } })
const trainers = (...numbers: readonly number[]) => numbers.map((number) => `trainer-${number}`)
const membersOf = (published: readonly RoundRecord[]) => published.map(({ members }) => members)
const weightsOf = (published: readonly RoundRecord[]) => published.map(({ weights }) => [...weights])

/** Runs the stock roles until the top aggregator ends. */
async function run(options: Omit<StageOptions, 'roles'> & Partial<Pick<StageOptions, 'roles'>>) {
  await using stage = roleStage({ roles: stockRoles, ...options })
  const ended = await stage.ended(top)
  return { ended, published: stage.published, announced: stage.announced, reports: stage.reports }
}

test('a round publishes the new weights, its members, the trainers’ mean metrics and the evaluation', async (t) => {
  const { ended, published, announced } = await run({
    topology: twoTier({ clients: 4 }),
    pool: tinyPool({ clients: 4 }),
  })
  t.is(ended.type, 'task-completed')
  t.deepEqual(
    published.map(({ round }) => round),
    [1, 2, 3],
  )
  t.deepEqual(announced, [1, 2, 3])
  t.deepEqual(membersOf(published)[0], trainers(0, 1, 2, 3))
  t.deepEqual(Object.keys(published[0]?.metrics ?? {}), ['accuracy', 'loss', 'train-loss'])
  t.notDeepEqual(weightsOf(published)[0], weightsOf(published)[1])
})

test('every trainer is told of the end of training', async (t) => {
  for (const topology of [twoTier({ clients: 4 }), hierarchical({ clients: 4 })]) {
    await using stage = roleStage({ roles: stockRoles, topology, pool: tinyPool({ clients: 4 }) })
    for (const end of trainers(0, 1, 2, 3)) t.is((await stage.ended(end)).type, 'task-completed')
  }
})

test('fewer updates than the least that counts fail the task, and name the first cause', async (t) => {
  const { ended, published } = await run({
    topology: hierarchical({ clients: 4 }),
    strategy: fedAvg({ minimumUpdates: 4 }),
    pool: tinyPool({
      clients: 4,
      beforeTraining({ client, round }) {
        if (client === 2 && round === 2) throw mishap('MISHAP', { client })
      },
    }),
  })
  t.like(ended, {
    type: 'task-failed',
    cause: {
      code: 'ROLE_TOO_FEW_UPDATES',
      hint: 'mend it',
      values: { round: 2, counted: 3, selected: 4, minimum: 4 },
    },
  })
  t.regex(ended.type === 'task-failed' ? String(ended.cause) : '', /trainer-2: MISHAP .*client 2 is ill/)
  t.is(published.length, 1)
})

test('a round that asks fewer ends than the algorithm needs says that no more were selected', async (t) => {
  const { ended } = await run({ topology: twoTier({ clients: 4 }), strategy: krum({ f: 1 }) })
  t.like(ended, {
    cause: {
      code: 'ROLE_TOO_FEW_UPDATES',
      values: { counted: 4, selected: 4, minimum: 5, causes: 'no more were selected' },
    },
  })
})

test('an update that is none is dropped and noticed, and the round goes on without it', async (t) => {
  const malformed = [
    { type: 'contribution', round: 1 },
    { type: 'contribution', round: 1, contribution: { vectors: { delta: [1] }, weight: 1, samples: 1, metrics: {} } },
    { type: 'contribution', round: 1, contribution: { vectors: {}, weight: 1, samples: 1, metrics: {} } },
    { type: 'failed', round: 1 },
    { type: 'partial', round: 1, members: 'all' },
    { type: 'train', round: 1 },
  ]
  const lying = role({
    name: 'trainer',
    open: (channel) =>
      channel(
        channelTagged<unknown, Assignment>(
          (message): message is Assignment => message !== undefined,
          'fetch',
          'upload',
        ),
      ),
    init: () => ({ done: false }),
    isState: (value): value is { done: boolean } => typeof value === 'object' && value !== null && 'done' in value,
    done: ({ done }) => done,
    async round(_, { channels }) {
      const { end } = await channels.recvAny()
      for (const message of malformed) channels.send(end, message)
      const contribution = { vectors: { delta: new Float32Array(7).fill(1) }, weight: 1, samples: 1, metrics: {} }
      channels.send(end, { type: 'contribution', round: 1, contribution })
      return { done: true }
    },
  })
  const { ended, published, reports } = await run({
    topology: twoTier({ clients: 1 }),
    rounds: 1,
    roles: { ...stockRoles, trainer: lying },
  })
  t.is(ended.type, 'task-completed', ended.type === 'task-failed' ? String(ended.cause) : '')
  t.deepEqual(weightsOf(published)[0], [2, 2, 2, 2, 2, 2, 2])
  t.is(reports.filter(({ type }) => type === 'notice').length, malformed.length)
})

test('a quorum is met group by group in a hierarchical topology', async (t) => {
  const { ended, published } = await run({
    topology: hierarchical({ clients: 8 }),
    strategy: fedAvg({ quorum: 0.5 }),
    rounds: 1,
    pool: tinyPool({ clients: 8, beforeTraining: ({ client }) => (client % 4 < 2 ? never : undefined) }),
  })
  t.is(ended.type, 'task-completed')
  t.deepEqual(membersOf(published), [trainers(2, 3, 6, 7)])
})

test('a group that misses its quorum holds up the round until its deadline, not longer', async (t) => {
  const clock = virtualClock()
  const publishedAtMs: number[] = []
  const { ended, published } = await run({
    topology: hierarchical({ clients: 8 }),
    strategy: fedAvg({ quorum: 0.5, deadlineMs: 100 }),
    rounds: 1,
    roles: { ...stockRoles, trainer: slowTrainer(trainers(0, 1, 2)) },
    system: { clock },
    onPublish: () => void publishedAtMs.push(clock.now()),
  })
  t.is(ended.type, 'task-completed')
  t.deepEqual(publishedAtMs, [100])
  t.deepEqual(
    published[0]?.members.filter((end) => trainers(0, 1, 2, 3).includes(end)),
    ['trainer-3'],
  )
  t.is(published[0]?.members.length, 3)
})

/** One group of trainers, and several aggregators that all share the group. */
function replicated(clients: number): Topology {
  const { schema, dataSpec } = hierarchical({ clients, groups: 1 })
  const roles = schema.roles.map((each) => (each.name === 'middle-aggregator' ? { ...each, replica: 3 } : each))
  return { schema: { ...schema, roles }, dataSpec }
}

test('of several aggregators with the same trainers each counts its own share of them, and the sum is that of two-tier', async (t) => {
  const pool = tinyPool({ clients: 9 })
  const trained: string[] = []
  const counting = tinyPool({ clients: 9, beforeTraining: ({ end, round }) => void trained.push(`${round} ${end}`) })
  const shared = await run({ topology: replicated(9), pool: counting })
  t.is(shared.ended.type, 'task-completed')
  t.deepEqual(membersOf(shared.published)[0], trainers(0, 1, 2, 3, 4, 5, 6, 7, 8))
  t.is(new Set(trained).size, trained.length, 'nobody trains twice in a round')
  t.deepEqual(
    weightsOf(shared.published),
    weightsOf((await run({ topology: twoTier({ clients: 9 }), pool })).published),
  )
})

test('when one of several aggregators with the same trainers goes, its trainers belong to the others from the next round on', async (t) => {
  const stages: RoleStage[] = []
  const pool = tinyPool({
    clients: 9,
    beforeTraining({ round }) {
      if (round === 2) stages[0]?.stop('middle-aggregator-1')
    },
  })
  await using stage = roleStage({ roles: stockRoles, topology: replicated(9), pool, rounds: 4 })
  stages.push(stage)
  t.is((await stage.ended(top)).type, 'task-completed')
  t.deepEqual(
    membersOf(stage.published).map(({ length }) => length === 9),
    [true, false, true, true],
  )
})

test('an algorithm that needs each contribution gets them one by one', async (t) => {
  const pool = tinyPool({
    clients: 5,
    distort: (update, { client }) => ({ ...update, delta: new Float32Array(7).fill(client === 2 ? 0.5 : client) }),
  })
  const { published } = await run({ topology: twoTier({ clients: 5 }), pool, rounds: 1, strategy: krum({ f: 1 }) })
  t.deepEqual(weightsOf(published), [[1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5]])
})

/** Trainers in two groups below two leaf aggregators, below a middle one, below the top. */
function threeLevels(clients: number): Topology {
  const [downward, upward] = [
    ['distribute', 'aggregate'],
    ['fetch', 'upload'],
  ]
  const groups = ['east', 'west']
  const joined = (name: string, above: string, below: string, value: readonly string[]): SchemaChannel => ({
    name,
    pair: [above, below],
    groupBy: { type: 'tag', value },
    funcTags: { [above]: downward ?? [], [below]: upward ?? [] },
  })
  const half = (group: number) =>
    Array.from({ length: clients / 2 }, (_, index) => String((group * clients) / 2 + index))
  return {
    schema: {
      name: 'three-levels',
      roles: [
        { name: 'top-aggregator', groupAssociation: [{ 'top-channel': 'default' }] },
        { name: 'middle-aggregator', groupAssociation: [{ 'top-channel': 'default', 'leaf-channel': 'default' }] },
        {
          name: 'leaf-aggregator',
          groupAssociation: groups.map((group) => ({ 'leaf-channel': 'default', 'param-channel': group })),
        },
        {
          name: 'trainer',
          isDataConsumer: true,
          groupAssociation: groups.map((group) => ({ 'param-channel': group })),
        },
      ],
      channels: [
        joined('top-channel', 'top-aggregator', 'middle-aggregator', ['default']),
        joined('leaf-channel', 'middle-aggregator', 'leaf-aggregator', ['default']),
        joined('param-channel', 'leaf-aggregator', 'trainer', groups),
      ],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { east: half(0), west: half(1) } }],
  }
}

test('three levels of aggregators give the members and bits of two tiers', async (t) => {
  const leaf: AnyRole = { name: 'leaf-aggregator', runOn: (runner) => middleAggregator.runOn(runner) }
  const roles = { ...stockRoles, 'leaf-aggregator': leaf }
  const pool = tinyPool({ clients: 8 })
  const strategy = fedAvg({ fraction: 0.5, clientEvaluation: 2 })
  const deep = await run({ topology: threeLevels(8), roles, pool, strategy })
  t.is(deep.ended.type, 'task-completed')
  const flat = await run({ topology: twoTier({ clients: 8 }), pool, strategy })
  t.deepEqual(deep.published, flat.published)
})

test('each level of aggregators waits one deadline longer than the one below', async (t) => {
  const clock = virtualClock()
  const publishedAtMs: number[] = []
  // One leaf aggregator publishes its trainers and never answers: the middle aggregator stops waiting for it.
  const silent = role({
    name: 'leaf-aggregator',
    open: (channel) => ({ aggregator: channel(above), trainers: channel(below) }),
    init: () => ({ done: false }),
    isState: (value): value is { done: boolean } => typeof value === 'object' && value !== null && 'done' in value,
    done: ({ done }) => done,
    async round(_, { channels: { aggregator, trainers } }) {
      await trainers.awaitJoin()
      aggregator.setProperty('trainers', trainers.ends())
      aggregator.setProperty('levels', 1)
      return never
    },
  })
  let leaves = 0
  const leaf: AnyRole = {
    name: 'leaf-aggregator',
    runOn(runner) {
      leaves += 1
      return (leaves === 1 ? silent : middleAggregator).runOn(runner)
    },
  }
  const { ended, published } = await run({
    topology: threeLevels(8),
    roles: { ...stockRoles, 'leaf-aggregator': leaf, trainer: slowTrainer([]) },
    strategy: fedAvg({ deadlineMs: 100 }),
    rounds: 1,
    system: { clock },
    onPublish: () => void publishedAtMs.push(clock.now()),
  })
  t.is(ended.type, 'task-completed')
  t.deepEqual(publishedAtMs, [200])
  t.is(published[0]?.members.length, 4)
})

test('a late update of an earlier round is dropped', async (t) => {
  let release = () => {}
  const late = new Promise<void>((resolve) => (release = resolve))
  const { published } = await run({
    topology: twoTier({ clients: 3 }),
    strategy: fedAvg({ quorum: 0.6 }),
    pool: tinyPool({
      clients: 3,
      beforeTraining({ client, round }) {
        if (client === 0 && round === 1) return late
        if (client === 1 && round === 2) release()
      },
    }),
  })
  t.deepEqual(membersOf(published)[0], trainers(1, 2))
  for (const { members, weights } of published) {
    t.is(members.length, 2)
    t.true(weights.every(Number.isFinite))
  }
})

test('a middle aggregator that dies for good in mid-round takes its group with it, and the others go on', async (t) => {
  const stages: RoleStage[] = []
  const pool = tinyPool({
    clients: 6,
    beforeTraining({ client, round }) {
      if (client === 0 && round === 2) stages[0]?.stop('middle-aggregator-0')
    },
  })
  await using stage = roleStage({ roles: stockRoles, topology: hierarchical({ clients: 6 }), pool, rounds: 4 })
  stages.push(stage)
  t.is((await stage.ended(top)).type, 'task-completed')
  t.deepEqual(membersOf(stage.published), [
    trainers(0, 1, 2, 3, 4, 5),
    trainers(3, 4, 5),
    trainers(3, 4, 5),
    trainers(3, 4, 5),
  ])
})

test('a round that a process published and did not commit is published by the next one with the same members and bits', async (t) => {
  for (const topology of [twoTier({ clients: 8 }), hierarchical({ clients: 8 })]) {
    const store = memoryStore()
    const job = { topology, store, strategy: fedAvg({ quorum: 0.5 }), rounds: 1 }
    const first = await new Promise<RoundRecord>((resolve) => {
      const stage = roleStage({
        ...job,
        roles: stockRoles,
        pool: tinyPool({ clients: 8, beforeTraining: ({ client }) => (client % 4 < 2 ? never : undefined) }),
        async onPublish(record) {
          resolve(record)
          await stage.system.terminate()
          await never
        },
      })
    })
    // Now the ends that were not counted answer first.
    const clock = virtualClock()
    const second = await run({
      ...job,
      roles: { ...stockRoles, trainer: slowTrainer(trainers(2, 3, 6, 7)) },
      pool: tinyPool({ clients: 8 }),
      system: { clock },
    })
    t.deepEqual(first.members, trainers(2, 3, 6, 7))
    t.deepEqual(membersOf(second.published), [first.members], topology.schema.name)
    t.deepEqual(weightsOf(second.published), [[...first.weights]])
  }
})

test('a middle aggregator that counted for a round which is over counts anew for the next one', async (t) => {
  const store = memoryStore()
  const job = { topology: hierarchical({ clients: 8 }), strategy: fedAvg({ quorum: 0.5 }), rounds: 2 }
  // The first process ends when the top aggregator has committed round 1, and the middle ones have not.
  await new Promise<void>((resolve) => {
    const stage = roleStage({
      ...job,
      roles: stockRoles,
      pool: tinyPool({ clients: 8, beforeTraining: ({ client }) => (client % 4 < 2 ? never : undefined) }),
      store: {
        ...killedStore(store, lifeOf(Number.POSITIVE_INFINITY, false)),
        async save(key, expected, bytes) {
          if (key.includes('middle')) return never
          const version = await store.save(key, expected, bytes)
          await stage.system.terminate()
          resolve()
          return version
        },
      },
    })
  })
  const { ended, published } = await run({
    ...job,
    store,
    roles: { ...stockRoles, trainer: slowTrainer(trainers(2, 3, 6, 7)) },
    pool: tinyPool({ clients: 8 }),
    system: { clock: virtualClock() },
  })
  t.is(ended.type, 'task-completed')
  t.deepEqual(
    published.map(({ round, members }) => [round, members]),
    [[2, trainers(0, 1, 4, 5)]],
  )
})

/** An algorithm whose `waiting` throws when it's read for the n-th time: just after the aggregator has distributed. */
function failingOnce(strategy: Algorithm, at: number): Algorithm {
  let looks = 0
  return {
    ...strategy,
    get waiting() {
      looks += 1
      if (looks === at) throw new Error('a passing fault')
      return strategy.waiting
    },
  }
}

test('an aggregator that fails in mid-round, at the top or in the middle, runs it again to the same bits', async (t) => {
  const job = { topology: hierarchical({ clients: 6, groups: 3 }), pool: tinyPool({ clients: 6 }) }
  const strategy = fedAvg({ fraction: 0.5 })
  const calm = await run({ ...job, strategy })
  for (let at = 1; at <= 10; at++) {
    const { ended, published } = await run({ ...job, strategy: failingOnce(strategy, at), store: memoryStore() })
    t.is(ended.type, 'task-completed', `look ${at}`)
    t.deepEqual(weightsOf(published), weightsOf(calm.published), `look ${at}`)
    t.deepEqual(membersOf(published), membersOf(calm.published), `look ${at}`)
  }
})

test('200 seeds: a middle aggregator that dies at some time leaves rounds whose members are whole groups', async (t) => {
  const groups = [trainers(0, 1), trainers(2, 3), trainers(4, 5)].map((group) => group.join())
  await forSeeds(200, async (seed) => {
    const stages: RoleStage[] = []
    let trainings = 0
    const pool = tinyPool({
      clients: 6,
      beforeTraining() {
        trainings += 1
        if (trainings === 1 + (seed % 17)) stages[0]?.stop(`middle-aggregator-${seed % 3}`)
      },
    })
    await using stage = roleStage({
      roles: stockRoles,
      topology: hierarchical({ clients: 6, groups: 3 }),
      pool,
      system: { scheduler: seededScheduler(seed), clock: virtualClock() },
    })
    stages.push(stage)
    const ended = await stage.ended(top)
    if (ended.type === 'task-failed') throw ended.cause
    if (stage.published.length !== 3) throw new Error(`${stage.published.length} rounds`)
    for (const { members } of stage.published) {
      const found = groups.filter((group) => members.join().includes(group))
      if (found.join() !== members.join() || found.length < 2) throw new Error(members.join())
    }
  })
  t.pass()
})

test('metrics that are not finite are left out, and noticed with their round, their ends and what is known', async (t) => {
  const pool = tinyPool({
    clients: 5,
    distort: (update, { client, round }) =>
      round === 2 && client > 0 ? { ...update, metrics: { loss: client === 1 ? Number.NaN : -1 / 0 } } : update,
  })
  let evaluations = 0
  const { ended, published, reports } = await run({
    topology: twoTier({ clients: 5 }),
    pool: {
      ...pool,
      async evaluate(weights) {
        evaluations += 1
        const { samples, metrics } = await pool.evaluate(weights)
        if (evaluations !== 3) return { samples, metrics }
        return { samples, metrics: { ...metrics, loss: Number.NaN }, whyNotFinite: 'test example 4 is NaN' }
      },
    },
  })
  t.is(ended.type, 'task-completed')
  t.deepEqual(
    published.map(({ metrics }) => Object.keys(metrics)),
    [
      ['accuracy', 'loss', 'train-loss'],
      ['accuracy', 'loss', 'train-loss'],
      ['accuracy', 'train-loss'],
    ],
  )
  const notices = reports.flatMap((report) => (report.type === 'notice' ? [report.notice] : []))
  t.true(notices.every(({ code }) => code === 'ROLE_METRIC_LEFT_OUT'))
  t.deepEqual(
    notices.map(({ message }) => message),
    [
      'metric loss in round 2 is -Infinity of trainer-2, -Infinity of trainer-3, -Infinity of trainer-4, and 1 more: left out of the mean',
      'metric loss of top-aggregator-0 in round 3 is NaN, and is left out: test example 4 is NaN',
    ],
  )
})

test('clients evaluate on their own held-out examples every so many rounds: mean, spread and worst decile are recorded', async (t) => {
  const strategy = fedAvg({ clientEvaluation: 2 })
  const pool = tinyPool({ clients: 20 })
  const flat = await run({ topology: twoTier({ clients: 20 }), pool, strategy, rounds: 4 })
  t.is(flat.ended.type, 'task-completed')
  t.deepEqual(
    flat.published.map(({ metrics }) => Object.keys(metrics).filter((name) => name.startsWith('client-'))),
    [[], names, [], names],
  )
  // The loss of client k is that of client 0 plus k.
  const { metrics = {} } = flat.published[1] ?? {}
  const { 'client-loss': mean = 0, 'client-loss-spread': spread = 0, 'client-loss-worst-decile': worst = 0 } = metrics
  t.true(Math.abs(worst - mean - 9) < 1e-9 && Math.abs(spread - Math.sqrt(33.25)) < 1e-9)
  const tree = await run({ topology: hierarchical({ clients: 20, groups: 3 }), pool, strategy, rounds: 4 })
  t.deepEqual(tree.published, flat.published)
})
const names = ['client-loss', 'client-loss-spread', 'client-loss-worst-decile']

test('clients that cannot evaluate are told of once a round, and the others count', async (t) => {
  const pool = tinyPool({ clients: 4 })
  const { ended, published, reports } = await run({
    topology: hierarchical({ clients: 4 }),
    strategy: fedAvg({ clientEvaluation: 1 }),
    rounds: 1,
    pool: {
      ...pool,
      async evaluateClient(request) {
        if (request.client > 1) throw mishap('MISHAP', { client: request.client })
        return pool.evaluateClient(request)
      },
    },
  })
  t.is(ended.type, 'task-completed')
  t.true(Number.isFinite(published[0]?.metrics['client-loss']))
  const notices = reports.flatMap((report) => (report.type === 'notice' ? [report.notice.message] : []))
  t.deepEqual(notices, ['2 of 4 clients could not evaluate round 1, the first trainer-2: client 2 is ill'])
})

test('a training that fails when the clients evaluate its round already is not taken for an evaluation that failed', async (t) => {
  const clients = 2
  let release = () => {}
  const evaluating = new Promise<void>((resolve) => (release = resolve))
  const pool = tinyPool({
    clients,
    async beforeTraining({ client }) {
      if (client === 0) return
      await evaluating
      throw mishap('MISHAP', { client })
    },
  })
  const { published, reports } = await run({
    topology: twoTier({ clients }),
    strategy: fedAvg({ quorum: 0.5, clientEvaluation: 1 }),
    rounds: 1,
    pool: {
      ...pool,
      evaluateClient(request) {
        if (request.client === 0) release()
        return pool.evaluateClient(request)
      },
    },
  })
  // The losses of two clients are 1 apart.
  t.is(published[0]?.metrics['client-loss-spread'], 0.5)
  t.deepEqual(
    reports.filter(({ type }) => type === 'notice'),
    [],
  )
})
