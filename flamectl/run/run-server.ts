import { type DeployableJob, inProcessDeployer } from '../../actors/index.ts'
import { apiClient } from '../../api/client/index.ts'
import { startServer, storeSetting } from '../../api/index.ts'
import { type CodedError, isStoreTroubleCode } from '../../runtime/index.ts'
import { expand, jobSettings, type ModelRegistry, type Settings, type TrainingPool } from '../../sdk/index.ts'
import { type LoadedWorkload, poolFor } from '../../sdk/node/index.ts'
import type { Connection } from '../command-context.ts'
import { isMongodb, keepPrivate, stateFolder } from '../state-folder.ts'
import { reportedRounds } from './followed-run.ts'
import { jobToResume, type ResumedJob } from './job-to-resume.ts'
import type { RunOptions } from './run-options.ts'

/** The control plane of a run, in this process. */
export interface RunServer {
  readonly connection: Connection
  /** The latest job of the workload. RUN_RESUME_DIFFERS. */
  jobToResume(settings: Settings): Promise<ResumedJob | undefined>
  /** Says which of the jobs that another process left under way goes on, or that none does. Until the call, none does. */
  goOnWith(job: string | undefined): void
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

export interface RunServerParts extends RunOptions {
  readonly workers: number
  readonly user: string
  readonly registry: ModelRegistry
  readonly loaded: LoadedWorkload
  /** The pool that was started before the job: the job's first deployment trains on it. */
  readonly firstPool: () => TrainingPool | undefined
}

/** Large enough to name each client of a simulation in one body. */
const jsonBytes = 256 * 1024 * 1024

/** Starts a control plane that hosts the jobs of this workload alone. */
export async function openRunServer(parts: RunServerParts): Promise<RunServer> {
  const { store, user, registry, loaded, workers, check, shared } = parts
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
  const rounds = reportedRounds()
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
    goesOnWith: async (job) => job === (await chosen),
    inProcess: (opened) =>
      inProcessDeployer({
        store: opened,
        registry,
        source: { load: async (job) => ({ ...loaded, clientOf: clientsOf(loaded, job) }) },
        workers,
        checkDeterminism: check,
        async poolOf(plan) {
          const first = isFirst ? parts.firstPool() : undefined
          isFirst = false
          return first ?? poolFor({ ...plan, datasets: parts.paths && { paths: parts.paths } })
        },
        observer: {
          roundRecorded: (_job, round) => rounds.untilReported(round),
          taskFailed: (_job, cause) => {
            fault = cause
          },
        },
      }),
  })
  const connection = { client: apiClient({ endpoint: server.url }), user }
  return {
    connection,
    jobToResume: (settings) => jobToResume(connection, loaded.workload, settings, parts),
    goOnWith,
    reported: rounds.reported,
    lastFault: () => fault,
    trouble: () => trouble,
    troubled,
    close() {
      goOnWith(undefined)
      rounds.close()
      return server.close()
    },
  }
}

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
  const expanded = expand(topology, { jobId: spec.designId, newKey: () => '' })
  const numbers = new Map(
    expanded.map(({ end, dataset }) => [end, dataset === undefined ? undefined : Number(dataset)]),
  )
  return (end) => numbers.get(end)
}
