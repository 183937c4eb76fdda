import {
  type BaseModels,
  type DeployableJob,
  type Deployer,
  inProcessDeployer,
  isTopmost,
  type LocalSites,
  localSites,
  runOfJob,
  type Sites,
  sitesDeployer,
} from '../../actors/index.ts'
import { apiClient } from '../../api/client/index.ts'
import { startServer, storeSetting } from '../../api/index.ts'
import { type CodedError, isStoreTroubleCode, type Store } from '../../runtime/index.ts'
import {
  endsOf,
  jobSettings,
  type PoolPlan,
  type RoundSummary,
  type Settings,
  type TrainingPool,
} from '../../sdk/index.ts'
import { type LoadedWorkload, poolFor, type TrainingPlan } from '../../sdk/node/index.ts'
import type { Connection } from '../command-context.ts'
import { isMongodb, keepPrivate, stateFolder } from '../state-folder.ts'
import { reportedRounds } from './followed-run.ts'
import { jobToResume, type ResumedJob } from './job-to-resume.ts'
import type { RunOptions } from './run-options.ts'
import type { RunModels } from './run-root.ts'

/** The control plane of a run, in this process. */
export interface RunServer {
  readonly connection: Connection
  /** The latest job of the workload. RUN_RESUME_DIFFERS. */
  jobToResume(settings: Settings): Promise<ResumedJob | undefined>
  /** The run of a job: the registry has the job's models under its name. Undefined before the job's first start. */
  runOf(job: string): Promise<string | undefined>
  /** Says which of the jobs that another process left under way goes on, or that none does. Until the call, none does. */
  goOnWith(job: string | undefined): void
  /** Starts the processes that host the tasks, if the run has such. LINK_UNREACHABLE, LINK_BROKER for a broker. */
  startHosts(): Promise<void>
  /** A model was shown: its part's next round but one may be committed. */
  readonly reported: ReturnType<typeof reportedRounds>['reported']
  /** The error with which a task of the job failed last. */
  readonly lastFault: () => unknown
  /** The reason why the job can't go on at present, such as a full disk. */
  readonly trouble: () => CodedError | undefined
  /** Rejects with `trouble` as soon as there is one; never resolves. */
  readonly troubled: Promise<never>
  close(): Promise<void>
}

export interface RunServerParts extends Omit<RunOptions, 'models'> {
  readonly workers: number
  readonly user: string
  readonly models: RunModels
  readonly loaded: LoadedWorkload
  /** The pool that was started before the job: the job's first deployment trains on it. */
  readonly firstPool: () => TrainingPool | undefined
}

/** Large enough to name each client of a simulation in one body. */
const jsonBytes = 256 * 1024 * 1024

/** Starts a control plane that hosts the jobs of this workload alone. */
export async function openRunServer(parts: RunServerParts): Promise<RunServer> {
  const { store, user, loaded, workers, check, shared, uploadWaitMs } = parts
  const { registry: models, uploads } = parts.models
  // A job begins, and goes on, while the registry is away.
  const { latest, parts: partsOf } = uploads?.here ?? models
  const registry = { ...models, latest, parts: partsOf }
  if (!shared && !isMongodb(store)) await keepPrivate(stateFolder(store), (text) => console.error(text))
  let goOnWith = (_job: string | undefined) => {}
  const chosen = new Promise<string | undefined>((resolve) => {
    goOnWith = resolve
  })
  let fault: unknown
  let trouble: CodedError | undefined
  let reject = (_cause: CodedError) => {}
  const troubled = new Promise<never>((_, rejected) => {
    reject = rejected
  })
  troubled.catch(() => {}) // Whoever follows the job waits for it; others look at `trouble`.
  let isFirst = true
  let sites: LocalSites | undefined
  let state: Store | undefined
  const rounds = reportedRounds()
  const firstPoolOr = async (plan: TrainingPlan) => {
    const first = isFirst ? parts.firstPool() : undefined
    isFirst = false
    return first ?? poolFor({ ...plan, datasets: parts.paths && { paths: parts.paths } })
  }
  const observer = {
    roundRecorded(_job: string, round: RoundSummary) {
      sites?.noteRound()
      return rounds.untilReported(round)
    },
    taskFailed(_job: string, cause: unknown) {
      fault = cause
    },
  }
  const server = await startServer({
    store: storeSetting(isMongodb(store) ? store : stateFolder(store)),
    port: 0,
    shared,
    limits: { jsonBytes },
    log: { level: 'error', to: { write: showFault } },
    onTrouble(cause) {
      trouble ??= cause
      reject(cause)
    },
    models: {
      own: models,
      uploads: uploads && {
        // The run commits through the spool itself, which begins the upload.
        wake() {},
        settled: ({ run }, signal) => uploads.settled(run, signal),
        behind: ({ run }) => uploads.behind(run),
        mostWaitMs: uploadWaitMs,
      },
    },
    goesOnWith: async (job) => job === (await chosen),
    inProcess(opened, bases) {
      state = opened
      parts.models.needBy(bases.isNeeded)
      return parts.hosts ? spread(opened, bases) : here(opened, bases)
    },
  })
  const connection = { client: apiClient({ endpoint: server.url }), user }
  return {
    connection,
    jobToResume: (settings) => jobToResume(connection, loaded.workload, settings, parts),
    runOf: async (job) => state && runOfJob(state, job),
    goOnWith,
    reported: rounds.reported,
    lastFault: () => fault,
    trouble: () => trouble,
    troubled,
    async startHosts() {
      if (!parts.hosts) return
      const { processes: count, transport, folder } = parts.hosts
      const { paths } = parts
      sites = await localSites({ count, transport, folder, workload: loaded, workers, check, ...(paths && { paths }) })
    },
    async close() {
      goOnWith(undefined)
      rounds.close()
      await server.close()
      await sites?.close()
    },
  }

  /** Hosts the tasks in this process. */
  function here(opened: Store, { weights: baseWeights }: BaseModels): Deployer {
    return inProcessDeployer({
      store: opened,
      registry,
      source: { load: async (job) => ({ ...loaded, clientOf: clientsOf(loaded, job) }) },
      baseWeights,
      workers,
      checkDeterminism: check,
      poolOf: firstPoolOr,
      observer,
    })
  }

  /** Hosts the tasks in local processes, and the topmost aggregators in this one. */
  function spread(opened: Store, { weights: baseWeights }: BaseModels): Deployer {
    const poolOf = (plan: PoolPlan) => firstPoolOr({ ...loaded, ...plan, workers })
    return sitesDeployer({
      store: opened,
      registry,
      sitesOf: () => sites ?? noSites,
      baseWeights,
      own: {
        store: opened,
        checkDeterminism: check,
        workloadOf: async () => ({ workload: loaded.workload, poolOf }),
      },
      isOwn: (task, { schema }) => isTopmost(schema)(task),
      fits: () => true,
      async factsOf(job) {
        const clientOf = clientsOf(loaded, job)
        const clients = job.tasks.map(({ end }) => [end, clientOf(end)] as const)
        return {
          clients: Object.fromEntries(
            clients.flatMap(([end, client]) => (client === undefined ? [] : [[end, client]])),
          ),
        }
      },
      limits: localLimits,
      observer,
    })
  }
}

/** Before the processes are started no job is deployed. */
const noSites: Sites = { follow() {} }

/** Processes of this machine come back soon, or not at all. */
const localLimits = { goneAfterMs: 60_000, sayAwaitedMs: 60_000 }

/**
 * Writes faults of the server to standard error, except those that are shown elsewhere: faults of actors are events of the job,
 * and faults of the store end the run.
 */
function showFault(line: string): void {
  const entry: { readonly actor?: string; readonly err?: { readonly code?: unknown } } = JSON.parse(line)
  if (entry.actor === undefined && !isStoreTroubleCode(entry.err?.code)) process.stderr.write(line)
}

/** The number of each end's client: the datasets of a workload's own topology are numbers. */
function clientsOf({ workload }: LoadedWorkload, { spec, tasks }: DeployableJob): (end: string) => number | undefined {
  const named = tasks.filter(({ dataset }) => dataset !== undefined).length
  const topology = workload.topology(
    jobSettings(workload.settings, spec.modelSpec?.hyperparameters ?? {}, named).settings,
  )
  const numbers = new Map<string, number>()
  for (const { end, dataset } of endsOf(topology)) if (dataset !== undefined) numbers.set(end, Number(dataset))
  return (end) => numbers.get(end)
}
