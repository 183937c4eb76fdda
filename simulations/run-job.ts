import type { LocalSites, LocalTransport } from '../actors/index.ts'
import { actorSystem } from '../runtime/index.ts'
import {
  type Choices,
  type CommonSettings,
  expand,
  type KeptRounds,
  keepingRounds,
  type LogEntry,
  type Notice,
  prepareTasks,
  type RoundSummary,
  requireChoices,
  requireSeed,
  resolveSettings,
  runHost,
  runTasks,
  type Settings,
  type TaskReport,
  type TasksRun,
  validTopology,
  type Workload,
} from '../sdk/index.ts'
import type { BundledWorkload } from '../sdk/node/index.ts'
import { simulationError } from './errors.ts'
import { badOption, isWhole, loadedFrom, ToldRounds, texts } from './loaded-workload.ts'
import { claimRun, openRunStore } from './run-store.ts'

/** Processes of this machine come back soon, or not at all. */
const localLimits = { goneAfterMs: 60_000, sayAwaitedMs: 60_000 }

export interface RunJobOptions<S extends Settings = Settings> {
  /** Settings that override the workload's. */
  readonly settings?: Partial<S> & CommonSettings
  /** Default: 1. */
  readonly seed?: number
  /** Choices that replace the workload's algorithm and parts of it. */
  readonly algorithms?: Omit<Choices, 'hyperparameters'>
  /**
   * Number of threads that train; with 0 the main thread trains. Default: 0 for a workload object; for a module one for
   * each core, at most 8. Results don't depend on the number.
   */
  readonly workers?: number
  /**
   * Folder for state and models. A program that was killed continues from there when it runs the same job again.
   * Default: memory.
   */
  readonly store?: string
  /** Paths of data that the workload's `data` asks for by name, or by the number of a client. */
  readonly data?: Readonly<Record<string, string>>
  /** Rounds whose models are kept. Default: all. */
  readonly keep?: KeptRounds
  /** Run each round twice and compare both runs. Default: false. */
  readonly checkDeterminism?: boolean
  /**
   * Called with each committed round. The next round isn't committed before the promise resolves. An error fails the
   * run.
   */
  readonly onRound?: (round: JobRound) => void | Promise<void>
  /**
   * Processes on this machine that host the tasks, joined by links, instead of this process. The topmost aggregators stay
   * in this process. Needs a module. Default: none; results don't depend on it.
   */
  readonly hosts?: HostsOptions
  /** Called with each notice, such as of a refused update or a metric that was left out. */
  readonly onNotice?: (end: string, notice: Notice) => void
  readonly onLog?: (end: string, entry: LogEntry) => void
}

export interface HostsOptions {
  /** Number of processes. */
  readonly processes: number
  /** How processes reach this one. Default: `ws`. `mqtt` starts a broker in this process. */
  readonly transport?: LocalTransport
  /** Threads that train, for each process. Default: 1. */
  readonly workers?: number
}

/** A committed round. Its weights are read on demand. */
export interface JobRound extends RoundSummary {
  weights(): Promise<Float32Array>
}

export interface JobResult {
  /** `stopped`: `stop` ended the job before its last round. */
  readonly state: 'completed' | 'failed' | 'stopped'
  /** The error of the task that failed last, usually a coded error. */
  readonly cause?: unknown
  /** All rounds, in order. With a store, those of earlier starts, too, with `seconds` 0. */
  readonly history: readonly JobRound[]
}

/** A running job. Iteration yields each round of its history, and throws the cause if the job fails. */
export interface JobRun extends AsyncIterable<JobRound> {
  readonly seed: number
  readonly settings: Settings
  /** Names the code that does the arithmetic of training, if the learner names it. */
  readonly runsOn: string | undefined
  /** Ids of the processes that host tasks, by name. A process that is killed is started again. */
  readonly processes: ReadonlyMap<string, number>
  /** Resolves when no part of the job runs any more. Never rejects: a failure is a state of the result. */
  readonly result: Promise<JobResult>
  /** Stops the job. Resolves when no part of the job runs any more. A round in progress is lost. */
  stop(): Promise<void>
}

/**
 * Runs a workload's job in this program, without a server or a terminal. Hashes are those of `flamectl run` with the
 * same settings and seed.
 *
 * `workload` is a workload, or the folder, path or URL of its module, which threads need.
 *
 * @throws (before any task runs) SIMULATION_OPTION, SIMULATION_WORKERS, SIMULATION_WORKLOAD, SIMULATION_DIFFERS, JOB_SEED,
 *   STRATEGY_KIND, STRATEGY_CHOICE, and the errors of loading the workload, of its settings, its topology and its data.
 */
export async function runJob<S extends Settings>(
  workload: Workload<S> | string | URL,
  options: RunJobOptions<S> = {},
): Promise<JobRun> {
  const { seed = 1, store: folder, checkDeterminism, algorithms = {} } = options
  requireSeed(seed)
  requireOptions(options)
  requireChoices(algorithms)
  if (options.hosts && typeof workload === 'object' && !(workload instanceof URL))
    throw simulationError('SIMULATION_HOSTS', { name: workload.name })
  // Beside processes that train, this one evaluates models alone.
  const { definition, poolOf, module } = await loadedFrom(workload, options.workers, options.hosts && 1)
  const { name } = definition
  const settings = resolveSettings(definition.settings, texts(options.settings))
  const topology = validTopology(definition, settings, algorithms)
  const expansion = expand(topology, { jobId: name, newKey: () => '' })
  const clients = new Map(
    expansion.map(({ end, dataset }) => [end, dataset === undefined ? undefined : Number(dataset)]),
  )

  const opened = await openRunStore(folder)
  const closing = new AbortController()
  const registry = options.keep ? keepingRounds(opened.registry, options.keep) : opened.registry
  const told = new ToldRounds<JobRound>()
  const { history } = told
  const prepare = async () => {
    await claimRun(opened.store, folder ?? 'memory', name, { seed, settings, algorithms })
    const { hosted } = await prepareTasks(
      {
        run: name,
        workload: definition,
        schema: topology.schema,
        tasks: expansion,
        clientOf: (end) => clients.get(end),
        hyperparameters: { ...settings, seed },
        algorithms,
      },
      { store: opened.store, registry, checkDeterminism, paths: options.data, poolOf },
      closing.signal,
    )
    for (const part of [undefined, ...(await registry.parts(name))])
      for (const round of await registry.list(name, part))
        note({ ...(await registry.describe(name, round, part)), seconds: 0 })
    return hosted
  }
  let sites: LocalSites | undefined
  const hosted = await prepare().catch(async (cause: unknown) => {
    closing.abort()
    await opened.close()
    throw cause
  })

  const system = actorSystem()
  let fault: { readonly cause: unknown } | undefined
  const tasks =
    options.hosts && module
      ? await spread(options.hosts, module).catch(async (cause: unknown) => {
          closing.abort()
          await opened.close()
          throw cause
        })
      : runHere()
  const result = tasks.ended.then(async (outcome): Promise<JobResult> => {
    await system.terminate()
    try {
      await sites?.close()
      await hosted.pool.close()
      await opened.close()
    } catch (cause) {
      fault ??= { cause }
    }
    const cause = outcome.state === 'failed' ? outcome : fault
    told.end()
    if (cause) return { state: 'failed', cause: cause.cause, history }
    return { state: outcome.state, history }
  })

  return {
    seed,
    settings,
    runsOn: hosted.pool.runsOn,
    processes: sites?.pids ?? new Map(),
    result,
    async stop() {
      tasks.stop()
      await result
    },
    [Symbol.asyncIterator]: () => told.iterate(result),
  }

  function runHere(): TasksRun {
    return runTasks(system, { ...hosted, expansion, onRound, onReport })
  }

  async function spread({ processes, transport = 'ws', workers = 1 }: HostsOptions, bundled: BundledWorkload) {
    // Loaded when it is needed, since a run in one process needs nothing of it.
    const { isTopmost, localSites, spreadTasks } = await import('../actors/index.ts')
    const local = await localSites({
      count: processes,
      transport,
      folder: await opened.hostsFolder(),
      workload: bundled,
      workers,
      paths: options.data,
      check: checkDeterminism ?? false,
    })
    sites = local
    return runHost(system, { expansion, onReport }, (reports) =>
      spreadTasks({
        job: {
          id: name,
          run: name,
          schema: topology.schema,
          hyperparameters: { ...settings, seed },
          algorithms,
          clients: Object.fromEntries(
            [...clients].flatMap(([end, client]) => (client === undefined ? [] : [[end, client]])),
          ),
        },
        tasks: expansion,
        own: {
          store: opened.store,
          workloadOf: async () => ({ workload: definition, poolOf: async () => hosted.pool }),
          ...(checkDeterminism && { checkDeterminism }),
        },
        isOwn: isTopmost(topology.schema),
        fits: () => true,
        sites: local,
        store: opened.store,
        registry,
        async onRound(round) {
          local.noteRound()
          await onRound(round)
        },
        reports,
        limits: localLimits,
      }),
    )
  }

  /** Notes a round. The last round of an earlier start may be committed again, with the same content. */
  function note(summary: RoundSummary): JobRound {
    const { round, part, metrics, hash, members, notCounted, anew, seconds } = summary
    const noted: JobRound = {
      round,
      ...(part === undefined ? {} : { part }),
      metrics,
      hash,
      members,
      ...(notCounted && { notCounted }),
      ...(anew && { anew }),
      seconds,
      weights: async () => (await registry.load(name, round, part)).weights,
    }
    told.note(noted, (other) => other.round === round && other.part === part)
    return noted
  }

  async function onRound(summary: RoundSummary): Promise<void> {
    const round = note(summary)
    try {
      await options.onRound?.(round)
    } catch (cause) {
      fault ??= { cause }
      tasks.stop()
    }
  }

  function onReport(report: TaskReport): void {
    if (report.type === 'notice') options.onNotice?.(report.end, report.notice)
    if (report.type === 'log') options.onLog?.(report.end, report.entry)
  }
}

/** Checks options that a program in JavaScript, or a number that it read, may give otherwise than the types say. */
function requireOptions({
  workers = 0,
  keep,
  store,
  hosts,
}: Pick<RunJobOptions, 'workers' | 'keep' | 'store' | 'hosts'>): void {
  if (!isWhole(workers, 0)) throw badOption('workers', workers, 'a whole number from 0 on')
  if (keep !== undefined && !(isWhole(keep.last, 1) && isWhole(keep.best ?? 0, 0) && isWhole(keep.every ?? 1, 1)))
    throw badOption('keep', keep, '{ last, best, every } of whole numbers, of which last and every are at least 1')
  if (hosts !== undefined && !(isWhole(hosts.processes, 1) && isWhole(hosts.workers ?? 1, 0)))
    throw badOption('hosts', hosts, '{ processes, workers }, whole numbers from 1 and from 0 on')
  if (store === '') throw badOption('store', store, 'the path of a folder')
}
