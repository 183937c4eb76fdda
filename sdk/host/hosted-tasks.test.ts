import test from 'ava'
import fc from 'fast-check'
import { actorSystem, errorFactory, memoryStore, virtualClock } from '../../runtime/index.ts'
import { holdingPool } from '../../test/support/holding-pool.ts'
import { slowTrainer } from '../../test/support/scripted-role.ts'
import {
  expand,
  fedAvg,
  hierarchical,
  hostedTasks,
  memoryRegistry,
  type RoleTask,
  type RoundSummary,
  rendezvous,
  role,
  roleTasksOf,
  stockRoles,
  type TaskReport,
  taskTally,
  twoTier,
} from '../index.ts'
import { type RehearsalOptions, rehearse, tinyPool } from '../testing/index.ts'

const learnError = errorFactory({ DATA_DAMAGED: { message: 'client {client} has no data', hint: 'mend it' } })
const hashes = (run: { rounds: readonly { hash: string }[] }) => run.rounds.map(({ hash }) => hash)
/** Runs six trainers, half of them in each round, with changed options. */
const runSix = (change: Partial<RehearsalOptions> = {}) =>
  rehearse({
    topology: twoTier({ clients: 6 }),
    strategy: fedAvg({ fraction: 0.5 }),
    pool: tinyPool({ clients: 6 }),
    store: memoryStore(),
    ...change,
  })

test('a two-tier job runs its rounds and completes', async (t) => {
  const { state, rounds } = await runSix()
  t.is(state, 'completed')
  t.deepEqual(
    rounds.map(({ round, members }) => [round, members.length]),
    [
      [1, 3],
      [2, 3],
      [3, 3],
    ],
  )
})

test('a hierarchical job has the members and the hashes of the two-tier one', async (t) => {
  for (const groups of [1, 2, 3]) {
    const run = await runSix({ topology: hierarchical({ clients: 6, groups }) })
    const reference = await runSix()
    t.is(run.state, 'completed', String(run.cause))
    t.deepEqual(
      run.rounds.map(({ members }) => members),
      reference.rounds.map(({ members }) => members),
    )
    t.deepEqual(hashes(run), hashes(reference))
  }
})

test('a system that is terminated after any round goes on from there to the same hashes', async (t) => {
  const reference = await runSix()
  for (const last of [1, 2, 3]) {
    const store = memoryStore()
    const job = {
      topology: twoTier({ clients: 6 }),
      strategy: fedAvg({ fraction: 0.5 }),
      pool: tinyPool({ clients: 6 }),
      store,
    }
    const first = await rehearse({
      ...job,
      onRound: ({ round }, system) => void (round === last && system.terminate()),
    })
    const second = await rehearse(job)
    t.is(second.state, 'completed')
    t.deepEqual([...hashes(first), ...hashes(second)].slice(-3), hashes(reference))
  }
})

test('a trainer that throws once trains again and changes nothing', async (t) => {
  const reference = await runSix()
  const thrown = new Set<string>()
  const run = await runSix({
    pool: tinyPool({
      clients: 6,
      beforeTraining({ end, round }) {
        const place = `${end} ${round}`
        if (thrown.has(place)) return
        thrown.add(place)
        throw new Error('a passing fault')
      },
    }),
  })
  t.is(run.state, 'completed')
  t.true(thrown.size > 0)
  t.deepEqual(hashes(run), hashes(reference))
})

test('a top aggregator that fails in its evaluation runs the round again to the same hashes', async (t) => {
  let calls = 0
  const run = await runSix({
    pool: tinyPool({
      clients: 6,
      beforeEvaluation() {
        calls += 1
        if (calls === 2) throw new Error('a passing fault')
      },
    }),
  })
  t.is(run.state, 'completed')
  t.deepEqual(hashes(run), hashes(await runSix()))
})

test('a value that is not finite is refused, named, and the round survives it', async (t) => {
  const run = await runSix({
    strategy: fedAvg(),
    pool: tinyPool({
      clients: 6,
      distort: (update, { client }) =>
        client === 4 ? { ...update, delta: update.delta.map(() => Number.NaN) } : update,
    }),
  })
  t.is(run.state, 'completed')
  t.deepEqual(run.rounds[0]?.members, ['trainer-0', 'trainer-1', 'trainer-2', 'trainer-3', 'trainer-5'])
  t.deepEqual(run.rounds[0]?.notCounted, [{ end: 'trainer-4', reason: 'refused', code: 'SUM_VALUE' }])
  t.true(run.notices.includes('SUM_VALUE'))
})

for (const topology of [twoTier({ clients: 6 }), hierarchical({ clients: 6, groups: 2 })]) {
  test(`updates that stay where they were trained change nothing, also when a part of a sum is lost (${topology.schema.name})`, async (t) => {
    let collections = 0
    const run = await runSix({
      topology,
      pool: holdingPool(tinyPool({ clients: 6 }), () => ++collections === 2),
    })
    t.is(run.state, 'completed', String(run.cause))
    t.true(collections > 3)
    t.deepEqual(hashes(run), hashes(await runSix()))
  })
}

test('a trainer whose data is damaged is left out and named', async (t) => {
  const run = await runSix({
    topology: hierarchical({ clients: 6 }),
    strategy: fedAvg(),
    pool: tinyPool({
      clients: 6,
      beforeTraining({ client }) {
        if (client === 0) throw learnError('DATA_DAMAGED', { client })
      },
    }),
  })
  t.is(run.state, 'completed')
  t.is(run.rounds[2]?.members.length, 5)
  t.deepEqual(run.rounds[2]?.notCounted, [{ end: 'trainer-0', reason: 'refused', code: 'DATA_DAMAGED' }])
  t.true(run.notices.includes('DATA_DAMAGED'))
})

test('a job in which nobody can train fails with the cause', async (t) => {
  const run = await rehearse({
    topology: twoTier({ clients: 2 }),
    strategy: fedAvg(),
    store: memoryStore(),
    pool: tinyPool({
      clients: 2,
      beforeTraining({ client }) {
        throw learnError('DATA_DAMAGED', { client })
      },
    }),
  })
  t.is(run.state, 'failed')
  t.like(run.cause, { code: 'ROLE_TOO_FEW_UPDATES' })
  t.regex(String(run.cause), /client 0 has no data|client 1 has no data/)
})

test('a quorum that is met ends the round, and who was counted survives a crash', async (t) => {
  const late = new Promise<void>(() => {})
  const store = memoryStore()
  const strategy = fedAvg({ quorum: 0.5 })
  const job = { topology: twoTier({ clients: 4 }), strategy, store, rounds: 1 }
  let evaluations = 0
  const first = await rehearse({
    ...job,
    pool: tinyPool({
      clients: 4,
      beforeTraining: ({ client }) => (client < 2 ? late : undefined),
      beforeEvaluation() {
        evaluations += 1
        throw learnError('DATA_DAMAGED', { client: 'test' })
      },
    }),
  })
  t.is(first.state, 'failed')
  t.is(evaluations, 1)
  const second = await rehearse({ ...job, pool: tinyPool({ clients: 4 }) })
  t.deepEqual(second.rounds[0]?.members, ['trainer-2', 'trainer-3'])
  t.deepEqual(second.rounds[0]?.notCounted, [
    { end: 'trainer-0', reason: 'late' },
    { end: 'trainer-1', reason: 'late' },
  ])
})

test('a deadline ends the round with who was there', async (t) => {
  const run = await rehearse({
    topology: twoTier({ clients: 3 }),
    strategy: fedAvg({ deadlineMs: 50 }),
    store: memoryStore(),
    rounds: 1,
    roles: { ...stockRoles, trainer: slowTrainer(['trainer-1']) },
    pool: tinyPool({ clients: 3 }),
    system: { clock: virtualClock() },
  })
  t.is(run.state, 'completed')
  t.deepEqual(run.rounds[0]?.members, ['trainer-0', 'trainer-2'])
  t.is(run.rounds[0]?.seconds, 0.05)
  t.deepEqual(run.rounds[0]?.notCounted, [{ end: 'trainer-1', reason: 'late' }])
})

test('a trainer that leaves in a round is named as gone, and is selected no more', async (t) => {
  const run = await rehearse({
    topology: twoTier({ clients: 3 }),
    strategy: fedAvg(),
    store: memoryStore(),
    rounds: 2,
    roles: { ...stockRoles, trainer: slowTrainer([], ['trainer-1']) },
    pool: tinyPool({ clients: 3 }),
    system: { clock: virtualClock() },
  })
  t.is(run.state, 'completed')
  t.deepEqual(run.rounds[0]?.notCounted, [{ end: 'trainer-1', reason: 'gone' }])
  t.deepEqual(run.rounds[1]?.members, ['trainer-0', 'trainer-2'])
  t.is(run.rounds[1]?.notCounted, undefined)
})

test('a learner that reads ambient randomness is caught by running each round twice', async (t) => {
  const job = {
    topology: hierarchical({ clients: 4 }),
    strategy: fedAvg(),
    store: memoryStore(),
    checkDeterminism: true,
  }
  const honest = await rehearse({ ...job, pool: tinyPool({ clients: 4 }) })
  t.is(honest.state, 'completed', String(honest.cause))

  const run = await rehearse({
    ...job,
    store: memoryStore(),
    pool: tinyPool({ clients: 4, distort: (update) => ({ ...update, delta: update.delta.map(() => Math.random()) }) }),
  })
  t.true(run.notices.includes('ROLE_NOT_DETERMINISTIC'))
  t.is(run.state, 'failed')
})

test('any number of clients, groups and any fraction give the same hashes in both topologies', async (t) => {
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: 9 }),
    fc.integer({ min: 1, max: 2 }),
    fc.double({ min: 0.2, max: 1, noNaN: true }),
    async (clients, groups, fraction) => {
      const job = { strategy: fedAvg({ fraction }), pool: tinyPool({ clients }), rounds: 2 }
      const flat = await rehearse({ ...job, topology: twoTier({ clients }), store: memoryStore() })
      const tree = await rehearse({ ...job, topology: hierarchical({ clients, groups }), store: memoryStore() })
      t.deepEqual(hashes(tree), hashes(flat))
    },
  )
  await fc.assert(property, { numRuns: 25 })
})

test('metrics and log lines of a role reach whoever follows the job, the metrics in the rounds too', async (t) => {
  const left = role({
    name: 'top-aggregator',
    open: () => null,
    init: () => ({ round: 0 }),
    isState: (value): value is { round: number } => typeof value === 'object' && value !== null && 'round' in value,
    done: ({ round }) => round === 2,
    async round({ round }, context) {
      context.log('round begins', { round })
      context.metric('norm', 4)
      if (round === 1) context.publish({ round, weights: Float32Array.of(1), metrics: { loss: 1 }, members: [] })
      return { round: round + 1 }
    },
  })
  const reports: TaskReport[] = []
  const run = await rehearse({
    topology: twoTier({ clients: 1 }),
    strategy: fedAvg(),
    store: memoryStore(),
    pool: tinyPool({ clients: 1 }),
    roles: { ...stockRoles, 'top-aggregator': left },
    checkDeterminism: true,
    onReport: (report) => reports.push(report),
  })
  t.is(run.state, 'completed', String(run.cause))
  t.deepEqual(run.rounds[0]?.metrics, { loss: 1, norm: 4 })
  const end = 'top-aggregator-0'
  t.deepEqual(
    reports.filter(({ type }) => type === 'log' || type === 'metrics'),
    [
      { type: 'log', end, entry: { level: 'info', message: 'round begins', fields: { round: 0 } } },
      { type: 'metrics', end, metrics: { norm: 4 } },
      { type: 'log', end, entry: { level: 'info', message: 'round begins', fields: { round: 1 } } },
    ],
  )
})

test('tasks of a job that lie in two hosts, with one rendezvous and one tally, give the hashes of one host', async (t) => {
  const topology = hierarchical({ clients: 6, groups: 2 })
  const reference = await runSix({ topology })
  const tasks = expand(topology, { jobId: 'job-1', newKey: () => '' })
  const roleTasks = roleTasksOf({ schema: topology.schema, tasks })
  const tally = taskTally(tasks)
  const rounds: RoundSummary[] = []
  const system = actorSystem()
  const completed = new Promise<void>((resolve) => {
    const reports = system.spawn<TaskReport>('reports', () => (report) => {
      if (report.type === 'task-completed') tally.ended(report)
      if (tally.allEnded) resolve()
    })
    const meeting = system.spawn('rendezvous', rendezvous())
    const isDevice = ({ end }: RoleTask) => end.endsWith('1') || end.endsWith('2')
    const places = { devices: roleTasks.filter(isDevice), server: roleTasks.filter((task) => !isDevice(task)) }
    for (const [place, here] of Object.entries(places))
      system.spawn(
        place,
        hostedTasks({
          run: 'job-1',
          workload: 'job',
          seed: 1,
          settings: { rounds: 3, clients: 6 },
          strategy: fedAvg({ fraction: 0.5 }),
          pool: tinyPool({ clients: 6 }),
          tasks: here,
          store: memoryStore(),
          registry: memoryRegistry(),
          rendezvous: meeting,
          reports,
          onRound: async (round) => void rounds.push(round),
          checkDeterminism: false,
          takenOver: false,
        }),
      )
  })
  await completed
  await system.terminate()
  t.deepEqual(hashes({ rounds }), hashes(reference))
})

test('aggregators of several groups with nothing above them publish a model each, under the name of the group', async (t) => {
  const link = {
    name: 'param',
    pair: ['aggregator', 'trainer'],
    groupBy: { type: 'tag', value: ['red', 'blue'] },
    funcTags: { aggregator: ['distribute', 'aggregate'], trainer: ['fetch', 'upload'] },
  } as const
  const groupAssociation = [{ param: 'red' }, { param: 'blue' }]
  const topology = {
    schema: {
      name: 'parallel',
      roles: [
        { name: 'aggregator', groupAssociation },
        { name: 'trainer', isDataConsumer: true, groupAssociation },
      ],
      channels: [link],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { red: ['0', '1'], blue: ['2'] } }],
  }
  const registry = memoryRegistry()
  const run = await rehearse({ topology, registry, rounds: 2 })
  t.is(run.state, 'completed', String(run.cause))
  t.deepEqual(await registry.parts('job-1'), ['blue', 'red'])
  for (const [part, members] of [
    ['blue', ['trainer-0']],
    ['red', ['trainer-1', 'trainer-2']],
  ] as const) {
    const rounds = run.rounds.filter((round) => round.part === part)
    t.deepEqual(
      rounds.map((round) => [round.round, round.members]),
      [
        [1, members],
        [2, members],
      ],
    )
    t.is(rounds[1]?.hash, (await registry.load('job-1', 2, part)).hash)
  }
})
