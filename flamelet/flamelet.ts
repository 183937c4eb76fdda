import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import {
  type DrainAnswer,
  decodeDrainAnswer,
  decodeRegisterAnswer,
  type FlameletMessage,
  type HostedRun,
  type RegisterAnswer,
} from '../actors/flamelets/index.ts'
import {
  type ActorRef,
  actorSystem,
  CodedError,
  type ConnectionState,
  type DialRoute,
  isActorRef,
  nodeLink,
  type Peer,
} from '../runtime/index.ts'
import { decodeSiteMessage, type HostedTask, taskSite } from '../sdk/index.ts'
import { importWorkload, poolFor } from '../sdk/node/index.ts'
import { type CodeSource, deviceCode, localCode } from './code/device-code.ts'
import type { PublicKeyText } from './code/index.ts'
import { type DeviceSiteMessage, deviceSite } from './device-site.ts'
import { flameletError } from './errors.ts'
import { beginningOf, type FlameletReport, openFlameletState } from './flamelet-state.ts'
import { processSite } from './tasks/process-site.ts'

export interface FlameletOptions {
  /** Address of the server, for messages and for the report. */
  readonly url: string
  /** Makes the routes to the server. */
  readonly dial: DialRoute
  readonly token?: string
  /** Default: the name of earlier lives in the same folder, else the machine's name. */
  readonly name?: string
  /** The flamelet's own folder. */
  readonly state: string
  readonly realm?: string
  readonly compute?: string
  /** Datasets that jobs may use, by id or URL in the catalogue, with their paths; without a path, the job's code finds the data itself. `any`: all. */
  readonly datasets: ReadonlyMap<string, string | undefined> | 'any'
  /** Paths of further data that every task may read, by the names by which workloads ask for the data. */
  readonly paths?: Readonly<Record<string, string>>
  /** Further paths that tasks' processes may read. `all`: they have the rights of this account. Default: none. */
  readonly reads?: readonly string[] | 'all'
  /** Keys whose code is run. `any`: everybody's. */
  readonly trust: readonly PublicKeyText[] | 'any'
  /** A workload of this machine, which takes the place of the jobs' code. */
  readonly workload?: string
  readonly mostTasks: number
  /** Memory of each task's process. */
  readonly memoryBytes?: number
  /** `none`: tasks run in this process, with its rights. */
  readonly isolation: 'process' | 'none'
  /** Threads that train, without isolation. */
  readonly workers: number
  readonly roundLimitMs: number
  /** Longest time for handing tasks back. */
  readonly drainMs: number
  /** Hears of refused tasks and of ends of tasks' processes, which the server's log hears, too. */
  readonly onNote: (note: CodedError) => void
  readonly onState: (state: FlameletReport['state'], cause?: CodedError) => void
  readonly now: () => string
}

export interface RunningFlamelet {
  readonly name: string
  /** Resolves when the flamelet has ended: with the cause if the server didn't want it. Never rejects. */
  readonly ended: Promise<CodedError | undefined>
  /** Takes no further task, hands the present ones back, and ends. */
  drain(): Promise<void>
}

/** The dataset that each task of a device may read besides its own, if the owner has named one so. */
const testDataset = 'test'

/**
 * Starts a flamelet: joins the server, and hosts the tasks that the server gives it until `drain`, or until the server
 * refuses it. A lost connection is made again.
 *
 * @throws FLAMELET_RUNNING, FLAMELET_NAME, and the errors of the store.
 */
export async function startFlamelet(options: FlameletOptions): Promise<RunningFlamelet> {
  const { url, realm, compute, datasets, mostTasks, memoryBytes, drainMs, onState, now } = options
  const named = options.name === undefined ? {} : { name: options.name }
  const state = await openFlameletState(options.state, { ...named, otherwise: defaultName() })
  const { name, incarnation, store } = state
  const system = actorSystem({ name, incarnation, onFault: (cause) => void end(causeOf(cause)) })
  const link = nodeLink(system, { onPeer })
  const processes = new Map<number, string>()
  let server: ActorRef<FlameletMessage> | undefined
  let hosted: readonly HostedRun[] = []
  let present: FlameletReport['state'] = 'starting'
  let trouble: CodedError | undefined
  let ending: Promise<void> | undefined
  let settle = (_cause: CodedError | undefined) => {}
  const ended = new Promise<CodedError | undefined>((resolve) => {
    settle = resolve
  })
  const began = await beginningOf(process.pid)
  const codeOf = await codeSource(options, name, join(state.folder, 'code'))

  const site: ActorRef<DeviceSiteMessage> = system.spawn(
    'site',
    deviceSite({
      flamelet: name,
      spawnSite: (context) =>
        options.isolation === 'none'
          ? context.spawn('tasks', inThisProcess(), { supervise: { type: 'escalate' } })
          : context.spawn('tasks', inProcesses(), { supervise: { type: 'escalate' } }),
      datasets: datasets === 'any' ? datasets : [...datasets.keys()],
      mostTasks,
      onRefused: note,
      onHosted(runs) {
        hosted = runs
        report()
        server?.tell({ type: 'progress', hosted: runs, residentBytes: process.memoryUsage.rss() })
      },
    }),
    { supervise: { type: 'escalate' }, decode: decodeSiteMessage },
  )
  enter('connecting')
  link.connect({
    dial: options.dial,
    ...(options.token === undefined ? {} : { token: options.token }),
    rights: { mayStop: false },
    onChange: connectionChanged,
  })
  return { name, ended, drain }

  function inProcesses() {
    return processSite({
      flamelet: name,
      store,
      link,
      codeOf,
      pathsOf,
      ...(options.reads && { reads: options.reads }),
      memoryBytes,
      roundLimitMs: options.roundLimitMs,
      onDeath: note,
      onProcess(pid, isRunning) {
        if (!isRunning) {
          processes.delete(pid)
          return report()
        }
        void beginningOf(pid).then((beginning) => {
          processes.set(pid, beginning)
          report()
        })
      },
    })
  }

  function inThisProcess() {
    return taskSite({
      store,
      async workloadOf(job, code) {
        const bundled = await codeOf(job, () => code.fetch())
        const workload = await importWorkload(bundled.bundle)
        const { workers } = options
        return {
          workload,
          paths: Object.assign({}, ...job.tasks.map(pathsOf)),
          poolOf: (plan) => poolFor({ ...bundled, ...plan, workload, workers }),
        }
      },
    })
  }

  /** A task may read its own dataset, and the test set. Its code asks for the dataset by the id. */
  function pathsOf({ dataset, datasetUrl = '' }: Pick<HostedTask, 'dataset' | 'datasetUrl'>): Record<string, string> {
    const paths = { ...options.paths }
    if (datasets === 'any') return paths
    const test = datasets.get(testDataset)
    if (test !== undefined) paths[testDataset] = test
    const own = dataset === undefined ? undefined : (datasets.get(dataset) ?? datasets.get(datasetUrl))
    if (dataset !== undefined && own !== undefined) paths[dataset] = own
    return paths
  }

  /** A session with a life of the server has begun. The processes of tasks are peers, too. */
  function onPeer({ node, entry }: Peer): void {
    if (node.startsWith(`${name}~`)) return
    if (!isActorRef<FlameletMessage>(entry)) return
    server = entry
    void register(entry)
  }

  async function register(to: ActorRef<FlameletMessage>): Promise<void> {
    const given = datasets === 'any' ? [] : [...datasets.keys()]
    const registration = {
      name,
      ...(realm === undefined ? {} : { realm }),
      ...(compute === undefined ? {} : { compute }),
      datasets: given.map((dataset) => ({ name: dataset })),
      mostTasks,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      platform: {
        runtime: `node ${process.versions.node}`,
        system: process.platform,
        arch: process.arch,
        cores: availableParallelism(),
      },
      hosted,
    }
    const asked = (replyTo: ActorRef<RegisterAnswer>): FlameletMessage => ({
      type: 'register',
      registration,
      site,
      replyTo,
    })
    const answer = await system
      .ask(to, asked, { timeoutMs: registerMs, decode: decodeRegisterAnswer })
      .catch((cause: unknown): RegisterAnswer | undefined => {
        // The server's life has ended, or it was silent for long: the next life is registered with anew.
        if (server === to) enter('connecting', causeOf(cause))
        return undefined
      })
    if (server !== to || !answer || ending) return
    if (answer.type === 'registered') return enter('joined')
    const { message: reason } = answer.cause
    const advice = answer.cause instanceof CodedError ? answer.cause.hint : 'see the log of the server'
    void end(flameletError('FLAMELET_REFUSED', { flamelet: name, reason, advice }, { cause: answer.cause }))
  }

  function connectionChanged(to: ConnectionState, cause?: Error): void {
    if (ending) return
    switch (to) {
      case 'open':
        // A resumed session needs no further registration.
        return present === 'connecting' && server ? enter('joined') : undefined
      case 'connecting':
        return enter('connecting', cause && causeOf(cause))
      case 'refused': {
        const { message: reason, hint: advice } = causeOf(cause)
        return void end(flameletError('FLAMELET_REFUSED', { flamelet: name, reason, advice }, { cause }))
      }
      case 'ended':
        return void end(flameletError('FLAMELET_ENDED', { flamelet: name, reason: causeOf(cause).message }, { cause }))
    }
  }

  async function drain(): Promise<void> {
    if (ending) return ending
    site.tell({ type: 'close' })
    enter('draining')
    const to = server
    const asked = (replyTo: ActorRef<DrainAnswer>): FlameletMessage => ({ type: 'drain', replyTo })
    // Where the server doesn't answer in time, it hears of the end of the flamelet's node.
    if (to && hosted.length > 0)
      await system.ask(to, asked, { timeoutMs: drainMs, decode: decodeDrainAnswer }).catch(() => {})
    return end(undefined)
  }

  function end(cause: CodedError | undefined): Promise<void> {
    // Deferred, since closing the link tells of the connection's end at once.
    ending ??= Promise.resolve().then(() => closed(cause))
    return ending
  }

  async function closed(cause: CodedError | undefined): Promise<void> {
    link.close()
    await system.terminate()
    hosted = []
    processes.clear()
    enter('ended', cause)
    await state[Symbol.asyncDispose]()
    settle(cause)
  }

  function note(job: string, cause: CodedError): void {
    options.onNote(cause)
    server?.tell({ type: 'log', level: 'warn', text: `${cause.code}: ${cause.message}`, job })
  }

  function enter(to: FlameletReport['state'], cause?: CodedError): void {
    if (present === to && trouble?.code === cause?.code) return
    present = to
    trouble = cause
    report()
    onState(to, cause)
  }

  function report(): void {
    const told = trouble && { cause: { code: trouble.code, message: trouble.message } }
    state.report({
      name,
      url,
      pid: process.pid,
      began,
      incarnation,
      state: present,
      since: now(),
      ...told,
      tasks: hosted.map(({ ends, ...run }) => ({ ...run, ends: [...ends] })),
      processes: [...processes].map(([pid, beginning]) => ({ pid, began: beginning })),
    })
  }
}

const registerMs = 60_000

function codeSource(
  { workload, trust, now }: Pick<FlameletOptions, 'workload' | 'trust' | 'now'>,
  flamelet: string,
  folder: string,
): Promise<CodeSource> | CodeSource {
  if (workload !== undefined) return localCode(workload, folder)
  return deviceCode({ folder, trust: { flamelet, keys: trust }, now })
}

/** The machine's name, if it can name a flamelet. */
function defaultName(): string {
  const name = hostname().split('.')[0] ?? ''
  return /^[A-Za-z\d][\w.-]{0,99}$/.test(name) ? name : 'flamelet'
}

function causeOf(cause: unknown): CodedError {
  if (cause instanceof CodedError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause ?? 'no cause was told')
  return flameletError('FLAMELET_FAULT', { reason }, { cause })
}
