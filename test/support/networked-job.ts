import type { PlacedTask } from '../../actors/deployers/sites/site-choice.ts'
import type { SpreadLimits, SpreadMessage } from '../../actors/deployers/sites/spread-parts.ts'
import { spreadTasks } from '../../actors/deployers/sites/spread-tasks.ts'
import { flamelets } from '../../actors/flamelets/flamelets.ts'
import type { FlameletsMessage } from '../../actors/flamelets/flamelets-messages.ts'
import { decodeRegisterAnswer, type FlameletMessage, type RegisterAnswer } from '../../actors/flamelets/index.ts'
import type { RemoteSite } from '../../actors/flamelets/sites.ts'
import { asking } from '../../actors/requests/requests.ts'
import {
  type ActorRef,
  type ActorSystem,
  type ActorSystemOptions,
  actorSystem,
  type ConnectionState,
  type DeadLetter,
  isActorRef,
  memoryStore,
  type NodeLinkOptions,
  nodeLink,
  type Store,
} from '../../runtime/index.ts'
import {
  type Algorithm,
  decodeSiteMessage,
  expand,
  fedAvg,
  memoryRegistry,
  type RoundSummary,
  type TaskReport,
  type Topology,
  taskSite,
  taskTally,
  twoTier,
  type Workload,
} from '../../sdk/index.ts'
import { rehearse, tinyPool } from '../../sdk/testing/index.ts'
import type { Network } from './networks.ts'

/** A training that is about to begin. */
export interface Training {
  readonly client: number
  readonly round: number
}

export interface NetworkedJobOptions {
  readonly network: Pick<Network, 'serve' | 'dial'>
  readonly clients: number
  readonly rounds: number
  /** Default: two tiers. */
  readonly topology?: Topology
  readonly strategy?: Algorithm
  /** Number of weights. Default: 7. */
  readonly size?: number
  /** Holds a training back until the promise resolves, or lets it fail. */
  readonly beforeTraining?: (training: Training) => Promise<void> | void
  readonly beforeEvaluation?: () => Promise<void> | void
  /** Whether a task is the server's own. Default: tasks without a dataset are. */
  readonly isOwn?: (task: PlacedTask) => boolean
  /** Whether a device may host a task. Default: each may. */
  readonly fits?: (device: string, task: PlacedTask) => boolean
  /** Tasks that a device takes. Default: 1. */
  readonly mostTasks?: number
  /** Holds a round's commit back. */
  readonly onRound?: (round: RoundSummary) => Promise<void> | void
  readonly limits?: SpreadLimits
  /** Of the links of server and devices. */
  readonly link?: NodeLinkOptions
  /** Clock and wall clock of a node. */
  readonly clockOf?: (node: string) => ActorSystemOptions['clock']
  readonly nowOf?: (node: string) => string
}

/** One life of a device. */
export interface DeviceLife {
  readonly system: ActorSystem
  readonly states: readonly ConnectionState[]
  /** Waits until both nodes have heard all that the other one has said: messages arrive in order. */
  heard(): Promise<void>
}

/** A job on a server and devices, all in this process, joined by a network. */
export interface NetworkedJob extends AsyncDisposable {
  /** Begins a life of a device, with the store of its earlier lives. */
  begin(device: string, as?: { readonly user?: string; readonly store?: Store }): DeviceLife
  /** Begins lives of devices, one after the other: each gets its tasks before the next one joins. */
  join(...devices: readonly string[]): Promise<void>
  life(device: string): DeviceLife
  /** Ends a device's life as a kill of its process does. Its connections must have been cut before. */
  kill(device: string): Promise<void>
  readonly server: ActorSystem
  /** Begins the server's life, and another one after `killServer`, with the job or without. */
  serve(withJob?: boolean): Promise<void>
  killServer(): Promise<void>
  /** Resolves once something of the job has come about. */
  until(isSo: () => boolean): Promise<void>
  /** Resolves once the round is committed. */
  committed(round: number): Promise<RoundSummary>
  readonly rounds: readonly RoundSummary[]
  readonly reports: readonly TaskReport[]
  /** Resolves when the job has ended, with the cause if it failed. */
  readonly ended: Promise<unknown>
  /** Number of tasks that a device hosts now. */
  hosted(device: string): number
  /** Each device's state, as the server tells it. */
  states(): Promise<Readonly<Record<string, string>>>
  /** Messages that a decoder refused, or that couldn't travel. */
  readonly refused: readonly DeadLetter[]
}

export function networkedJob(options: NetworkedJobOptions): NetworkedJob {
  const { network, clients, rounds, topology = twoTier({ clients }), strategy = fedAvg() } = options
  const { isOwn, fits, mostTasks = 1 } = options
  const expanded = expand(topology, { jobId: 'job-1', newKey: () => '' })
  const registry = memoryRegistry()
  const store = memoryStore()
  const committed: RoundSummary[] = []
  const reports: TaskReport[] = []
  const refused: DeadLetter[] = []
  const hosted = new Map<string, number>()
  const stores = new Map<string, Store>()
  const lives = new Map<string, DeviceLife>()
  const all = new Set<DeviceLife>()
  const waiting = new Set<() => void>()
  const tally = taskTally(expanded)
  let settle = (_cause: unknown) => {}
  const ended = new Promise<unknown>((resolve) => {
    settle = resolve
  })
  let incarnation = 0
  let present: Serving | undefined

  function systemOf(name: string): ActorSystem {
    incarnation += 1
    const clock = options.clockOf?.(name)
    const system = actorSystem({ name, incarnation, onFault: () => {}, ...(clock && { clock }) })
    system.deadLetters.subscribe((letter) => {
      if (letter.reason === 'undecodable' || letter.reason === 'unencodable') refused.push(letter)
    })
    return system
  }

  function changed(): void {
    for (const look of waiting) look()
  }

  function until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isSo()) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  }

  function workloadOf(device: string) {
    const unused = () => {
      throw new Error('the pool has the learner and the data')
    }
    const workload: Workload = {
      name: 'job',
      settings: { rounds, clients },
      topology: () => topology,
      strategy: () => strategy,
      learner: unused,
      data: unused,
    }
    const count = (more: number) => {
      hosted.set(device, (hosted.get(device) ?? 0) + more)
      changed()
    }
    return async () => ({
      workload,
      async poolOf() {
        const pool = poolWith(options)
        count(1)
        return { ...pool, close: async () => void count(-1) }
      },
    })
  }

  async function serve(withJob = true): Promise<void> {
    const system = systemOf('server')
    const now = () => options.nowOf?.('server') ?? new Date().toISOString()
    const ref = system.spawn('flamelets', flamelets({ store, now, newKey: () => 'x'.repeat(32) }))
    const ask = asking<FlameletsMessage>(system, ref, { timeoutMs: 60_000 })
    const link = nodeLink(system, {
      ...options.link,
      async authenticate({ node, token }) {
        const identity = { name: node, user: token, isAdmin: true }
        const entry = await ask<ActorRef<never>>((replyTo) => ({ type: 'admit-flamelet', identity, replyTo }))
        return {
          node,
          identity: token,
          mayStop: false,
          entry: () => entry,
          detached: (isDetached) => ref.tell({ type: 'flamelet-connected', name: node, isConnected: !isDetached }),
        }
      },
    })
    const heard = system.spawn<TaskReport>('reports', () => (report) => {
      reports.push(report)
      if (report.type === 'task-completed' || report.type === 'task-failed') {
        const role = tally.ended(report)
        if (report.type === 'task-failed' && role !== undefined) end(report.cause)
        else if (tally.allEnded) end(undefined)
      }
    })
    const behavior = spreadTasks({
      job: { id: 'job-1', run: 'job-1', schema: topology.schema },
      tasks: expanded,
      own: { store, workloadOf: workloadOf('server') },
      sites: { follow: (follower) => ref.tell({ type: 'follow-flamelets', follower }) },
      store,
      registry,
      reports: heard,
      ...(isOwn && { isOwn }),
      ...(fits && { fits: (site: RemoteSite, task: PlacedTask) => fits(site.name, task) }),
      async onRound(round) {
        committed[round.round - 1] = round
        changed()
        await options.onRound?.(round)
      },
      ...(options.limits && { limits: options.limits }),
    })
    const tasks = withJob ? system.spawn('spread', behavior, { supervise: { type: 'stop' } }) : undefined
    const close = await network.serve((route, from) => link.accept(route, { from }))
    present = { system, ask, close, ...(tasks && { tasks }) }
  }

  function end(cause: unknown): void {
    present?.tasks?.tell({ type: 'stop', forget: cause === undefined })
    settle(cause)
  }

  function begin(
    name: string,
    { user = 'u', store: given }: { readonly user?: string; readonly store?: Store } = {},
  ): DeviceLife {
    const system = systemOf(name)
    const known = given ?? stores.get(name) ?? memoryStore()
    stores.set(name, known)
    const site = system.spawn('site', taskSite({ store: known, workloadOf: workloadOf(name) }), {
      decode: decodeSiteMessage,
    })
    const states: ConnectionState[] = []
    let entry: ActorRef<FlameletMessage> | undefined
    const link = nodeLink(system, {
      ...options.link,
      onPeer(peer) {
        if (!isActorRef<FlameletMessage>(peer.entry)) return
        entry = peer.entry
        void register().catch(() => {})
      },
    })
    link.connect({
      dial: network.dial(name),
      token: user,
      rights: { mayStop: false },
      onChange(state) {
        states.push(state)
        changed()
      },
    })

    async function register(): Promise<RegisterAnswer> {
      if (!entry) throw new Error('the device has not met the server')
      const platform = { runtime: 'node', system: 'linux', arch: 'x64', cores: 1 }
      const registration = { name, datasets: [], mostTasks, platform, hosted: [] }
      return system.ask<RegisterAnswer, FlameletMessage>(
        entry,
        (replyTo) => ({ type: 'register', registration, site, replyTo }),
        { timeoutMs: 10 * 60_000, decode: decodeRegisterAnswer },
      )
    }

    const life: DeviceLife = {
      system,
      states,
      heard: async () => void (await register()),
    }
    lives.set(name, life)
    all.add(life)
    return life
  }

  return {
    begin,
    async join(...devices) {
      for (const device of devices) {
        begin(device)
        await until(() => (hosted.get(device) ?? 0) > 0)
      }
    },
    life(device) {
      const life = lives.get(device)
      if (!life) throw new Error(`${device} has no life`)
      return life
    },
    until,
    serve,
    get server() {
      if (!present) throw new Error('the server has no life')
      return present.system
    },
    async kill(name) {
      await lives.get(name)?.system.terminate()
      lives.delete(name)
      hosted.delete(name)
    },
    async killServer() {
      present?.close()
      await present?.system.terminate()
      present = undefined
    },
    rounds: committed,
    reports,
    ended,
    hosted: (device) => hosted.get(device) ?? 0,
    refused,
    async committed(round) {
      await until(() => committed[round - 1] !== undefined)
      const [found] = committed.slice(round - 1)
      if (!found) throw new Error('the round is there')
      return found
    },
    async states() {
      const page = await present?.ask<{ readonly items: readonly { readonly name: string; readonly state: string }[] }>(
        (replyTo) => ({ type: 'list-flamelets', page: {}, replyTo }),
      )
      return Object.fromEntries((page?.items ?? []).map(({ name, state }) => [name, state]))
    },
    async [Symbol.asyncDispose]() {
      present?.close()
      await Promise.all([...all, ...(present ? [present] : [])].map(({ system }) => system.terminate()))
    },
  }
}

interface Serving {
  readonly system: ActorSystem
  readonly ask: ReturnType<typeof asking<FlameletsMessage>>
  readonly tasks?: ActorRef<SpreadMessage>
  close(): void
}

type PoolOptions = Pick<NetworkedJobOptions, 'clients' | 'size' | 'beforeTraining' | 'beforeEvaluation'>

function poolWith({ clients, size, beforeTraining, beforeEvaluation }: PoolOptions) {
  return tinyPool({
    clients,
    ...(size !== undefined && { size }),
    async beforeTraining({ client, round }) {
      await beforeTraining?.({ client, round })
    },
    ...(beforeEvaluation && { beforeEvaluation }),
  })
}

type OneProcess = Pick<NetworkedJobOptions, 'rounds' | 'topology' | 'strategy'> & PoolOptions

/** The rounds of the same job in one process. `onRound` is told of each. */
export async function inOneProcess({
  clients,
  rounds,
  topology = twoTier({ clients }),
  strategy = fedAvg(),
  onRound,
  ...options
}: OneProcess & { readonly onRound?: (round: RoundSummary) => void }): Promise<readonly RoundSummary[]> {
  const pool = poolWith({ clients, ...options })
  const run = await rehearse({ topology, strategy, rounds, pool, ...(onRound && { onRound }) })
  return run.rounds
}

/** The results of rounds, which don't depend on time. */
export function resultsOf(rounds: readonly RoundSummary[]) {
  return rounds.map(({ round, hash, members, notCounted }) => ({ round, hash, members, notCounted }))
}

/** Trainings that a test holds back, and looks at. */
export function trainingGates() {
  const held = new Map<string, { readonly promise: Promise<void>; readonly open: () => void }>()
  const begun: Training[] = []
  const waiting = new Set<() => void>()
  const keyOf = ({ client, round }: Training) => `${client}/${round}`
  return {
    /** Holds a training of this client in this round back, once or several times, until `release`. */
    hold(client: number, round: number): void {
      let open = () => {}
      const promise = new Promise<void>((resolve) => {
        open = resolve
      })
      held.set(keyOf({ client, round }), { promise, open })
    },
    release(client: number, round: number): void {
      held.get(keyOf({ client, round }))?.open()
    },
    async beforeTraining(training: Training): Promise<void> {
      begun.push(training)
      for (const look of waiting) look()
      await held.get(keyOf(training))?.promise
    },
    /** Resolves when this training has begun. */
    began(client: number, round: number): Promise<void> {
      return new Promise((resolve) => {
        const look = () => {
          if (!begun.some((one) => one.client === client && one.round === round)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      })
    },
    /** Rounds for which a client has trained, in order. */
    roundsOf: (client: number) => begun.flatMap((one) => (one.client === client ? [one.round] : [])),
  }
}
