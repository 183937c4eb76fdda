import {
  type ActorRef,
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
  decodeRendezvousMessage,
  decodeTaskReport,
  expand,
  hostedTasks,
  memoryRegistry,
  type RendezvousMessage,
  type RoundSummary,
  rendezvous,
  roleTasksOf,
  type Task,
  type TaskReport,
  type Topology,
  type TrainingPool,
  taskTally,
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

/** The server's message to the device: the rendezvous and the reports of the device's tasks. */
interface Placement {
  readonly rendezvous: ActorRef<RendezvousMessage>
  readonly reports: ActorRef<TaskReport>
}

/** One life of a node. */
interface Life {
  readonly system: ReturnType<typeof actorSystem>
  readonly link: ReturnType<typeof nodeLink>
}

/** Runs a job whose tasks are on two nodes, joined by routes within this process, until the job has completed. */
export async function runSpread(job: SpreadJob): Promise<SpreadRun> {
  const expanded = expand(job.topology, { jobId: 'job-1', newKey: () => '' })
  const tasks = roleTasksOf({ schema: job.topology.schema, tasks: expanded })
  const stores: Readonly<Record<NodeName, Store>> = { server: memoryStore(), device: memoryStore() }
  const incarnations: Record<NodeName, number> = { server: 0, device: 0 }
  const hashes: string[] = []
  const refused: DeadLetter[] = []
  let ended: { readonly cause?: unknown } | undefined
  let cuts = 0
  let kills = 0

  const hosted = (name: NodeName, { rendezvous: meeting, reports }: Placement) =>
    hostedTasks({
      run: 'job-1',
      workload: 'job',
      seed: 1,
      settings: { rounds: job.rounds, clients: job.pool.clients },
      strategy: job.strategy,
      pool: job.pool,
      tasks: tasks.filter(({ end }) => job.isOnDevice(end) === (name === 'device')),
      store: stores[name],
      registry: memoryRegistry(),
      rendezvous: meeting,
      reports,
      onRound: async ({ round, hash }: RoundSummary) => void (hashes[round - 1] = hash),
      checkDeterminism: false,
      takenOver: false,
      isSpread: true,
    })

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

  function server(): Life {
    const system = systemOf('server')
    const placement: Placement = {
      rendezvous: system.spawn('rendezvous', rendezvous(), { decode: decodeRendezvousMessage }),
      reports: system.spawn(
        'reports',
        tallied(expanded, (outcome) => (ended ??= outcome)),
        { decode: decodeTaskReport },
      ),
    }
    system.spawn('tasks', hosted('server', placement))
    const link = nodeLink(system, {
      ...job.link,
      onPeer({ entry }) {
        if (isActorRef<Placement>(entry)) entry.tell(placement)
      },
    })
    return { system, link }
  }

  function device(): Life {
    const system = systemOf('device')
    const entry = system.spawn(
      'host',
      deviceHost((placement) => hosted('device', placement)),
      {
        decode: decodePlacement,
      },
    )
    return { system, link: nodeLink(system, { ...job.link, entry }) }
  }

  const lives = { server: server(), device: device() }
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
  for (let idle = 0; !ended; ) {
    const killed = job.kill?.(arrived + routes.arrived)
    if (killed) {
      kills += 1
      arrived += routes.arrived
      cuts += routes.cuts
      routes.stop()
      await lives[killed].system.terminate()
      lives[killed] = killed === 'server' ? server() : device()
      routes = joined()
    }
    idle = routes.step() ? 0 : idle + 1
    if (idle > 20_000) throw new Error(`nothing moves any more after ${hashes.length} rounds`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  cuts += routes.cuts
  routes.stop()
  await Promise.all([lives.server.system.terminate(), lives.device.system.terminate()])
  if (ended.cause !== undefined) throw new Error(`a task failed: ${String(ended.cause)}`, { cause: ended.cause })
  return { hashes, cuts, kills, refused }
}

/** Hosts the device's tasks in the server's last placement. */
function deviceHost(
  tasksOf: (placement: Placement) => Behavior<never>,
): Behavior<Placement | { readonly next: Placement }> {
  return (context) => {
    let tasks: ActorRef<never> | undefined
    let starts = 0
    return (message) => {
      if (!('next' in message) && tasks) {
        context.watch(tasks, () => ({ next: message }))
        context.stop(tasks)
        tasks = undefined
        return
      }
      starts += 1
      tasks = context.spawn(`tasks-${starts}`, tasksOf('next' in message ? message.next : message))
    }
  }
}

function decodePlacement(value: unknown): Placement | undefined {
  if (typeof value !== 'object' || value === null || !('rendezvous' in value && 'reports' in value)) return undefined
  const { rendezvous: meeting, reports } = value
  return isActorRef<RendezvousMessage>(meeting) && isActorRef<TaskReport>(reports)
    ? { rendezvous: meeting, reports }
    : undefined
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
