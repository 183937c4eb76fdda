import {
  actorSystem,
  type Behavior,
  CodedError,
  type DeadLetter,
  isActorRef,
  memoryStore,
  type NodeLinkOptions,
  nodeLink,
  type Scheduler,
  type Store,
} from '../../runtime/index.ts'
import {
  type Algorithm,
  decodeModelsMessage,
  decodeRendezvousMessage,
  decodeSiteMessage,
  decodeSiteReply,
  decodeTaskReport,
  expand,
  jobModels,
  type ModelRegistry,
  memoryRegistry,
  rendezvous,
  type SiteMessage,
  type SiteReply,
  type Task,
  type TaskReport,
  type Topology,
  type TrainingPool,
  taskSite,
  taskTally,
  type Workload,
} from '../../sdk/index.ts'
import { type Fate, type FaultyRoutes, faultyRoutes } from './faulty-routes.ts'

export interface SpreadJob {
  readonly topology: Topology
  readonly strategy: Algorithm
  readonly pool: TrainingPool
  readonly rounds: number
  /** Whether a task is on the device. Other tasks, and the rendezvous, are on the server. */
  readonly isOnDevice: (end: string) => boolean
  readonly scheduler?: Scheduler
  readonly link?: NodeLinkOptions
  readonly fate?: (frame: Uint8Array, direction: 0 | 1) => Fate
  /** Called before each step of the routes: kills the node of this name, which begins another life with its store. */
  readonly kill?: (arrived: number) => NodeName | undefined
}

export type NodeName = 'server' | 'device'

export interface SpreadRun {
  /** Hash of each committed round; of a round that was committed twice, the last. */
  readonly hashes: readonly string[]
  readonly cuts: number
  readonly kills: number
  /** Dead letters of messages that a decoder refused, or that couldn't travel. */
  readonly refused: readonly DeadLetter[]
}

/** A job stands still that moves no frame for this time, on a machine under any load. */
const standstillMs = 60_000

/** One life of a node. */
interface Life {
  readonly system: ReturnType<typeof actorSystem>
  readonly link: ReturnType<typeof nodeLink>
}

/** Runs a job whose tasks are on two nodes, joined by routes within this process, until the job has completed. */
export async function runSpread(job: SpreadJob): Promise<SpreadRun> {
  const { schema } = job.topology
  const expanded = expand(job.topology, { jobId: 'job-1', newKey: () => '' })
  const models = memoryRegistry()
  // A killed node may not have told of the last round that it has published.
  const registry: ModelRegistry = {
    ...models,
    async commit(model) {
      await models.commit(model)
      hashes[model.round - 1] = model.hash
    },
  }
  const stores: Readonly<Record<NodeName, Store>> = { server: memoryStore(), device: memoryStore() }
  const incarnations: Record<NodeName, number> = { server: 0, device: 0 }
  const hashes: string[] = []
  const refused: DeadLetter[] = []
  let ended: { readonly cause?: unknown } | undefined
  let cuts = 0
  let kills = 0

  const unused = () => {
    throw new Error('the pool has the learner and the data')
  }
  const workload: Workload = {
    name: 'job',
    settings: { rounds: job.rounds, clients: job.pool.clients },
    topology: () => job.topology,
    strategy: () => job.strategy,
    learner: unused,
    data: unused,
  }
  const siteOf = (name: NodeName) =>
    taskSite({ store: stores[name], workloadOf: async () => ({ workload, poolOf: async () => job.pool }) })

  function systemOf(node: NodeName) {
    incarnations[node] += 1
    const system = actorSystem({
      name: node,
      incarnation: incarnations[node],
      ...(job.scheduler && { scheduler: job.scheduler }),
    })
    system.deadLetters.subscribe((letter) => {
      if (letter.reason === 'undecodable' || letter.reason === 'unencodable') refused.push(letter)
    })
    return system
  }

  async function server(): Promise<Life> {
    const system = systemOf('server')
    const onRound = async () => {}
    const failed = (cause: unknown) => (ended ??= { cause })
    const shared = {
      type: 'host',
      job: { id: 'job-1', run: 'job-1', start: incarnations.server, schema, tasks: expanded },
      rendezvous: system.spawn('rendezvous', rendezvous(), { decode: decodeRendezvousMessage }),
      models: system.spawn('models', jobModels('job-1', { registry, onRound }), { decode: decodeModelsMessage }),
      reports: system.spawn(
        'reports',
        tallied(expanded, (outcome) => (ended ??= outcome)),
        { decode: decodeTaskReport },
      ),
      replyTo: system.spawn('replies', hostingOr(failed), { decode: decodeSiteReply }),
    } as const
    const host = (name: NodeName): SiteMessage => ({
      ...shared,
      ends: expanded.map(({ end }) => end).filter((end) => job.isOnDevice(end) === (name === 'device')),
    })
    system.spawn('site', siteOf('server')).tell(host('server'))
    const link = nodeLink(system, {
      ...job.link,
      onPeer({ entry }) {
        if (isActorRef<SiteMessage>(entry)) entry.tell(host('device'))
      },
    })
    return { system, link }
  }

  function device(): Life {
    const system = systemOf('device')
    const entry = system.spawn('site', siteOf('device'), { decode: decodeSiteMessage })
    return { system, link: nodeLink(system, { ...job.link, entry }) }
  }

  const lives = { server: await server(), device: device() }
  const joined = () =>
    faultyRoutes({
      dialling: lives.device.link,
      accepting: lives.server.link,
      accepted: 'server',
      ...(job.fate && { fate: job.fate }),
      ...(job.scheduler && { pick: (count: number) => job.scheduler?.pick(count) ?? 0 }),
    })
  let routes: FaultyRoutes = joined()
  let arrived = 0
  for (let movedAt = performance.now(); !ended; ) {
    const killed = job.kill?.(arrived + routes.arrived)
    if (killed) {
      kills += 1
      arrived += routes.arrived
      cuts += routes.cuts
      routes.stop()
      await lives[killed].system.terminate()
      lives[killed] = killed === 'server' ? await server() : device()
      routes = joined()
    }
    if (routes.step()) movedAt = performance.now()
    else if (performance.now() - movedAt > standstillMs)
      throw new Error(`nothing moves any more after ${hashes.length} rounds`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  cuts += routes.cuts
  routes.stop()
  await Promise.all([lives.server.system.terminate(), lives.device.system.terminate()])
  if (ended.cause !== undefined) throw new Error(`a task failed: ${String(ended.cause)}`, { cause: ended.cause })
  return { hashes, cuts, kills, refused }
}

function hostingOr(failed: (cause: unknown) => void): Behavior<SiteReply> {
  return () => (reply) => {
    if (reply.type === 'not-hosting') failed(reply.cause)
  }
}

function tallied(tasks: readonly Task[], done: (outcome: { readonly cause?: unknown }) => void): Behavior<TaskReport> {
  return () => {
    const tally = taskTally(tasks)
    return (report) => {
      if (report.type === 'task-failed') done({ cause: report.cause ?? new CodedError('FAILED', noText, {}) })
      if (report.type === 'task-completed') tally.ended(report)
      if (tally.allEnded) done({})
    }
  }
}

const noText = { message: 'no cause', hint: '' }
