import test from 'ava'
import { type ActorRef, actorSystem, CodedError, memoryStore } from '../../../runtime/index.ts'
import {
  type Algorithm,
  expand,
  fedAvg,
  type HostMessage,
  hierarchical,
  memoryRegistry,
  type OwnSiteMessage,
  type RoundSummary,
  type SiteMessage,
  scaffold,
  type TaskReport,
  type Topology,
  type TrainingPool,
  taskTally,
  twoTier,
  type Workload,
} from '../../../sdk/index.ts'
import { quadraticPool } from '../../../sdk/role/stock/quadratic-job.contract.ts'
import { rehearse, tinyPool } from '../../../sdk/testing/index.ts'
import { faultyMiddle } from '../../../test/support/faulty-middle.ts'
import { type MemorySites, type MemorySitesOptions, memorySites } from '../../../test/support/memory-sites.ts'
import type { SiteNews } from '../../flamelets/sites.ts'
import { isTopmost } from './site-choice.ts'
import type { SpreadLimits, SpreadMessage } from './spread-parts.ts'
import { spreadTasks } from './spread-tasks.ts'

const clients = 6
const rounds = 4
const pool = tinyPool({ clients, size: 9000 })
const strategy = fedAvg({ fraction: 0.6 })
const shapes: Readonly<Record<string, Topology>> = {
  'two-tier': twoTier({ clients }),
  hierarchical: hierarchical({ clients, groups: 2 }),
}
const twoTierShape = twoTier({ clients })

function workloadOf(topology: Topology, { roles, ...given }: Pick<Options, 'roles' | 'strategy' | 'pool'> = {}) {
  const unused = () => {
    throw new Error('the pool has the learner and the data')
  }
  const workload: Workload = {
    name: 'job',
    settings: { rounds, clients },
    topology: () => topology,
    strategy: () => given.strategy ?? strategy,
    learner: unused,
    data: unused,
    ...(roles && { roles }),
  }
  return { workload, poolOf: async () => given.pool ?? pool }
}

interface Spread {
  readonly hashes: readonly string[]
  readonly rounds: readonly RoundSummary[]
  readonly reports: readonly TaskReport[]
  readonly failure?: unknown
}

interface Options extends Partial<Omit<MemorySitesOptions, 'workload'>> {
  readonly topology?: Topology
  readonly roles?: Workload['roles']
  readonly strategy?: Algorithm
  readonly pool?: TrainingPool
  readonly limits?: SpreadLimits
  /** Sites that begin at once. Default: all. */
  readonly begun?: readonly string[]
  /** Called with each committed round, before the next one is committed. */
  readonly onRound?: (round: number, sites: MemorySites) => void | Promise<void>
  readonly onReport?: (report: TaskReport, sites: MemorySites) => void
  /** Sites that serve the job's computes, here or at another server. */
  readonly serving?: readonly string[]
  /** The first site of the middle aggregators. Default: the server's own site. */
  readonly middleOn?: string
  /** Ends the server's life after this round, and begins another. */
  readonly killServerAfter?: number
}

async function spread({ topology = twoTierShape, names = ['a', 'b', 'c'], ...options }: Options = {}): Promise<Spread> {
  const expanded = expand(topology, { jobId: 'job-1', newKey: () => '' })
  const registry = memoryRegistry()
  const store = memoryStore()
  const ownStore = memoryStore()
  const hashes: string[] = []
  const summaries: RoundSummary[] = []
  const reports: TaskReport[] = []
  const tally = taskTally(expanded)
  const workload = workloadOf(topology, options)
  let lives = 1
  let isGone = false
  let system = actorSystem({ name: 'server', incarnation: lives })
  const sites = memorySites(system, { names, workload, ...options })
  for (const name of options.begun ?? names) sites.begin(name)
  let settle = (_failure?: unknown) => {}
  const over = new Promise<unknown>((resolve) => {
    settle = resolve
  })

  function serve(): ActorRef<SpreadMessage> {
    const heard = system.spawn<TaskReport>('reports', () => (report) => {
      reports.push(report)
      options.onReport?.(report, sites)
      const isEnd = report.type === 'task-completed' || report.type === 'task-failed'
      const failedRole = isEnd ? tally.ended(report) : undefined
      if (report.type === 'task-failed' && failedRole !== undefined) settle(report.cause)
      else if (tally.allEnded) settle()
    })
    const behavior = spreadTasks({
      job: { id: 'job-1', run: 'job-1', schema: topology.schema },
      tasks: expanded,
      own: { store: ownStore, workloadOf: async () => workload },
      ...(options.middleOn !== undefined && { isOwn: isTopmost(topology.schema) }),
      fits: (site, { role }) =>
        !site.name.startsWith('unfit') &&
        (role !== 'middle-aggregator' || !options.middleOn || isGone || site.name === options.middleOn),
      sites: { ...sites, serving: async () => options.serving ?? [] },
      store,
      registry,
      reports: heard,
      async onRound(summary: RoundSummary) {
        const { round, hash } = summary
        hashes[round - 1] = hash
        summaries[round - 1] = summary
        await options.onRound?.(round, sites)
        isGone ||= round >= 2
        if (options.killServerAfter === round && lives === 1) {
          lives += 1
          setImmediate(() => void another())
          await new Promise(() => {})
        }
      },
      ...(options.limits && { limits: options.limits }),
    })
    return system.spawn('spread', behavior, { supervise: { type: 'stop' } })
  }

  async function another(): Promise<void> {
    await system.terminate()
    system = actorSystem({ name: 'server', incarnation: lives })
    sites.joinTo(system)
    ref = serve()
  }

  let ref = serve()
  const failure = await over
  ref.tell({ type: 'stop', forget: true })
  await system.stopped(ref)
  await system.terminate()
  await sites.close()
  if (sites.refused[0]) throw new Error(`${sites.refused[0].reason} ${sites.refused[0].path}`)
  return { hashes, rounds: summaries, reports, ...(failure !== undefined && { failure }) }
}

const inOne = new Map<Topology, Promise<readonly string[]>>()
function hashesInOne(topology: Topology = twoTierShape): Promise<readonly string[]> {
  const found =
    inOne.get(topology) ??
    rehearse({ topology, strategy, pool, rounds }).then((run) => run.rounds.map(({ hash }) => hash))
  inOne.set(topology, found)
  return found
}

for (const [shape, topology] of Object.entries(shapes))
  test(`a ${shape} job whose trainers are on three sites gives the hashes of one system`, async (t) => {
    t.deepEqual((await spread({ topology })).hashes, await hashesInOne(topology))
  })

for (const [shape, topology] of Object.entries(shapes))
  test(`a site of a ${shape} job that dies and comes back gets its tasks again, and the hashes stay`, async (t) => {
    const { hashes } = await spread({
      topology,
      async onRound(round, sites) {
        if (round > 2) return
        await sites.kill('b')
        sites.begin('b')
      },
    })
    t.deepEqual(hashes, await hashesInOne(topology))
  })

test('the tasks of a site that is gone for good go to other sites, and the hashes stay', async (t) => {
  const { hashes, failure } = await spread({
    limits: { goneAfterMs: 50 },
    onRound: (round, sites) => (round === 1 ? sites.kill('b') : undefined),
  })
  t.is(failure, undefined)
  t.deepEqual(hashes, await hashesInOne())
})

test('a middle aggregator whose site is gone for good goes on elsewhere for its trainers, and the hashes stay', async (t) => {
  const topology = shapes.hierarchical
  const { hashes, failure } = await spread({
    ...(topology && { topology }),
    middleOn: 'b',
    limits: { goneAfterMs: 50 },
    onRound: (round, sites) => (round === 2 ? sites.kill('b') : undefined),
  })
  t.is(failure, undefined)
  t.deepEqual(hashes, await hashesInOne(topology))
})

test('the tasks of a site that leaves go to other sites, and the hashes stay', async (t) => {
  const { hashes } = await spread({ onRound: (round, sites) => (round === 2 ? sites.drain('a') : undefined) })
  t.deepEqual(hashes, await hashesInOne())
})

test('the own state of clients goes with their tasks from a site that leaves, and the hashes of SCAFFOLD stay', async (t) => {
  const topology = twoTier({ clients: 4 })
  const scaffolded = { topology, strategy: scaffold(), pool: quadraticPool() }
  const { hashes, failure } = await spread({
    ...scaffolded,
    names: ['a', 'b'],
    onRound: (round, sites) => (round === 2 ? sites.drain('a') : undefined),
  })
  t.is(failure, undefined)
  const alone = await rehearse({ ...scaffolded, rounds })
  t.deepEqual(
    hashes,
    alone.rounds.map(({ hash }) => hash),
  )
})

test('a client whose own state is lost with its site starts anew, and the record of the round names the client', async (t) => {
  const topology = hierarchical({ clients: 4, groups: 2 })
  const { rounds: told, failure } = await spread({
    topology,
    strategy: scaffold(),
    pool: quadraticPool(),
    names: ['a', 'b'],
    limits: { goneAfterMs: 50 },
    onRound: (round, sites) => (round === 2 ? sites.kill('a') : undefined),
  })
  t.is(failure, undefined)
  const anew = told.flatMap(({ round, anew: ends = [] }) => ends.map((end) => `${round} ${end}`))
  t.true(anew.length > 0)
  t.deepEqual(
    anew,
    [...new Set(told.at(2)?.anew ?? [])].map((end) => `3 ${end}`),
    'each of them once',
  )
})

test('a job says that it waits for a site, at first and when its only site has left, and the hashes stay', async (t) => {
  let awaited = 0
  const { hashes } = await spread({
    names: ['a', 'b'],
    begun: [],
    limits: { sayAwaitedMs: 50 },
    onRound: (round, sites) => (round === 1 ? sites.drain('a') : undefined),
    onReport(report, sites) {
      if (report.type !== 'notice' || report.notice.code !== 'SITES_AWAITED') return
      awaited += 1
      sites.begin(awaited === 1 ? 'a' : 'b')
    },
  })
  t.is(awaited, 2)
  t.deepEqual(hashes, await hashesInOne())
})

test('a site that takes fewer tasks than were given to it gives the rest to others', async (t) => {
  const { hashes } = await spread({
    mostTasks: (name) => (name === 'a' ? 1 : undefined),
    limits: { goneAfterMs: 60_000 },
  })
  t.deepEqual(hashes, await hashesInOne())
})

test('a site that is away when a job begins gets none of its tasks', async (t) => {
  const run = await spread({ names: ['a', 'b'], isAway: (name) => name === 'a' })
  t.deepEqual(run.hashes, await hashesInOne())
})

test('a job whose sites have joined another server says so', async (t) => {
  const said: string[] = []
  await spread({
    names: ['a', 'ward'],
    begun: [],
    serving: ['a', 'ward'],
    limits: { sayAwaitedMs: 50 },
    onReport(report, sites) {
      if (report.type !== 'notice') return
      said.push(`${report.notice.code} ${report.notice.message}`)
      sites.begin('a')
    },
  })
  t.is(said.length, 1)
  t.regex(said[0] ?? '', /^FLAMELETS_ELSEWHERE .*trainer-0.* the flamelets a, ward of compute/)
})

test('no round begins before the first deployment has a site for each task with data', async (t) => {
  let begun = false
  const { hashes } = await spread({
    begun: ['a'],
    facts: () => ({ mostTasks: 3 }),
    onReport(report, sites) {
      if (report.type !== 'task-running' || begun) return
      begun = true
      setTimeout(() => sites.begin('b'), 50)
    },
  })
  t.deepEqual(hashes, await hashesInOne())
})

test('a server that dies goes on with the same sites, which keep the state of their tasks', async (t) => {
  for (const killServerAfter of [1, 3]) t.deepEqual((await spread({ killServerAfter })).hashes, await hashesInOne())
})

test('tasks that no other site fits fail with the cause when their site is gone for good', async (t) => {
  const { failure, reports } = await spread({
    names: ['a', 'unfit-b'],
    limits: { goneAfterMs: 50 },
    onRound: (round, sites) => (round === 1 ? sites.kill('a') : undefined),
  })
  t.true(failure instanceof CodedError)
  const causes = reports.flatMap((report) => (report.type === 'task-failed' ? [report.cause] : []))
  const lost = causes.filter((cause) => cause instanceof CodedError && cause.code === 'SITE_LOST')
  t.is(lost.length, clients, String(causes))
})

test('trainers below a middle aggregator whose code fails for good go on below another, and a server that dies after that does not forget it', async (t) => {
  const topology = shapes.hierarchical
  for (const killServerAfter of [undefined, 3]) {
    const roles = { 'middle-aggregator': faultyMiddle({ 'middle-aggregator-0': 2 }) }
    const { rounds, reports, failure } = await spread({
      ...(topology && { topology }),
      roles,
      middleOn: 'b',
      ...(killServerAfter !== undefined && { killServerAfter }),
    })
    t.is(failure, undefined)
    const notices = reports.flatMap((report) => (report.type === 'notice' ? [report.notice.code] : []))
    t.true(notices.includes('AGGREGATOR_REPLACED'))
    const lost = rounds.flatMap(({ notCounted = [] }) => notCounted.map(({ end, reason }) => `${end} ${reason}`))
    t.true(lost.length > 0 && lost.every((one) => /^trainer-[012] gone$/.test(one)), String(lost))
    // The last round selects among all trainers again. A server that goes on with the job tries the failed code anew.
    const last = rounds.at(-1)
    t.is((last?.members.length ?? 0) + (last?.notCounted ?? []).length, 4)
  }
})

test('a report of an earlier hosting of a task is not taken for one of the present hosting', async (t) => {
  const system = actorSystem()
  const expanded = expand(twoTierShape, { jobId: 'job-1', newKey: () => '' })
  const workload = workloadOf(twoTierShape)
  const ended: string[] = []
  const told: HostMessage[] = []
  let follower: ActorRef<SiteNews> | undefined
  const site = (life: number) =>
    system.spawn<SiteMessage>(`site-${life}`, () => (message) => {
      if (message.type === 'host') told.push(message)
    })
  const here = async (life: number) => {
    const facts = { computeId: 'default', datasets: [], mostTasks: 100 }
    follower?.tell({ type: 'site-here', site: { name: 'a', facts, site: site(life) } })
    await system.idle()
  }
  system.spawn(
    'spread',
    spreadTasks({
      job: { id: 'job-1', run: 'job-1', schema: twoTierShape.schema },
      tasks: expanded,
      own: { store: memoryStore(), workloadOf: async () => workload },
      sites: { follow: (to) => void (follower = to) },
      store: memoryStore(),
      registry: memoryRegistry(),
      reports: system.spawn<TaskReport>('reports', () => (report) => {
        if (report.type === 'task-failed') ended.push(`${report.end} ${report.cause}`)
      }),
      onRound: async () => {},
    }),
  )
  await system.idle()
  await here(1)
  await here(2)
  for (const [life, { reports }] of told.entries())
    reports.tell({ type: 'task-failed', end: 'trainer-0', cause: `of life ${life + 1}` })
  await system.idle()
  t.deepEqual(ended, ['trainer-0 of life 2'])
  await system.terminate()
})

test('the server’s own site prepares its tasks once all others were asked, and at once in a later deployment', async (t) => {
  const expanded = expand(twoTierShape, { jobId: 'job-1', newKey: () => '' })
  const store = memoryStore()
  const system = actorSystem({ name: 'server' })
  const silent = system.spawn<SiteMessage>('silent', () => () => {})
  const heard: OwnSiteMessage[] = []
  /** Deploys the job. No site answers. */
  const deploy = (deployment: string) => {
    let follower: ActorRef<SiteNews> | undefined
    system.spawn(
      deployment,
      spreadTasks({
        job: { id: 'job-1', run: 'job-1', schema: twoTierShape.schema },
        tasks: expanded,
        own: (context) => context.spawn<OwnSiteMessage>('site', () => (message) => void heard.push(message)),
        fits: () => true,
        sites: { follow: (to) => void (follower = to), serving: async () => [] },
        store,
        registry: memoryRegistry(),
        reports: system.spawn<TaskReport>(`${deployment}-reports`, () => () => {}),
        onRound: async () => {},
      }),
    )
    return () => {
      const facts = { computeId: 'a', datasets: [], mostTasks: 100 }
      follower?.tell({ type: 'site-here', site: { name: 'a', facts, site: silent } })
      return system.idle()
    }
  }
  const join = deploy('first')
  await system.idle()
  t.deepEqual(heard, [], 'the devices may be far from coming')
  await join()
  await join()
  const prepared = () => heard.map((message) => [message.type, 'ends' in message && message.ends])
  t.deepEqual(prepared(), [['prepare', ['top-aggregator-0']]])
  deploy('second')
  await system.idle()
  t.deepEqual(prepared().slice(1), [['prepare', ['top-aggregator-0']]])
  await system.terminate()
})
