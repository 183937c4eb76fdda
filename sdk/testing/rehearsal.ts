import {
  type ActorSystem,
  type ActorSystemOptions,
  actorSystem,
  CodedError,
  type DurableStore,
  memoryStore,
} from '../../runtime/index.ts'
import { type RoundSummary, roleTasksOf, runTasks, type TaskReport, type TasksOutcome } from '../host/index.ts'
import { memoryRegistry } from '../registry/memory-registry.ts'
import type { ModelRegistry } from '../registry/registry.ts'
import type { AnyRole } from '../role/role.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import { fedAvg } from '../strategy/algorithms/server/index.ts'
import { expand } from '../tag/expand.ts'
import type { Topology } from '../tag/topology.ts'
import { assertValid } from '../tag/validate.ts'
import type { TrainingPool } from '../training/training-pool.ts'
import { tinyPool } from './tiny-pool.ts'

export interface RehearsalOptions {
  readonly topology: Topology
  /** Default: `fedAvg()`. */
  readonly strategy?: Algorithm
  /** Default: a tiny pool with one client for each data consumer's task. */
  readonly pool?: TrainingPool
  /**
   * A rehearsal with the store of an earlier one continues where the earlier one ended. Default: a new store in memory.
   */
  readonly store?: DurableStore
  readonly registry?: ModelRegistry
  /** Default: 3. */
  readonly rounds?: number
  readonly seed?: number
  /** Further settings of the job, besides rounds and clients. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /**
   * Clock and scheduler. `{ clock: virtualClock(), scheduler: seededScheduler(seed) }` reproduces every order of
   * messages.
   */
  readonly system?: ActorSystemOptions
  /** Draws the secret of each task, 32 bytes. Default: from the system, so that noise differs between rehearsals. */
  readonly drawSecret?: () => Uint8Array
  /** Run each round twice and compare both runs. */
  readonly checkDeterminism?: boolean
  /** Your own roles, by the names in the topology. Default: stock roles, by func tags. */
  readonly roles?: Readonly<Record<string, AnyRole>>
  /** Called with each report of the tasks. */
  readonly onReport?: (report: TaskReport) => void
  /** Called with each committed round. Terminate the system here to simulate the end of the process. */
  readonly onRound?: (round: RoundSummary, system: ActorSystem) => void
}

export interface Rehearsal {
  readonly state: TasksOutcome['state']
  /** For a failed rehearsal: the error of the task that failed last. */
  readonly cause: unknown
  readonly rounds: readonly RoundSummary[]
  /** Codes of notices, and of errors with which tasks failed. */
  readonly notices: readonly string[]
}

/** Runs all tasks of a topology until they end, or until their actor system is terminated. */
export async function rehearse({
  topology,
  strategy = fedAvg(),
  store = memoryStore(),
  registry = memoryRegistry(),
  rounds = 3,
  seed = 1,
  ...options
}: RehearsalOptions): Promise<Rehearsal> {
  assertValid(topology)
  const expansion = expand(topology, { jobId: 'job-1', newKey: () => '' })
  const datasets = new Map(expansion.map(({ end, dataset }) => [end, Number(dataset)]))
  const tasks = roleTasksOf(
    { schema: topology.schema, tasks: expansion },
    { clientOf: (end) => datasets.get(end), roles: options.roles },
  )
  const pool = options.pool ?? tinyPool({ clients: tasks.filter(({ client }) => client !== undefined).length })
  const system = actorSystem(options.system)
  const committed: RoundSummary[] = []
  const notices: string[] = []
  const { ended } = runTasks(system, {
    run: 'job-1',
    workload: 'job',
    seed,
    settings: { ...options.settings, rounds, clients: pool.clients },
    strategy,
    pool,
    tasks,
    expansion,
    store,
    registry,
    async onRound(round) {
      committed.push(round)
      options.onRound?.(round, system)
    },
    onReport(report) {
      if (report.type === 'notice') notices.push(report.notice.code)
      if (report.type === 'task-failed') notices.push(codeOf(report.cause))
      options.onReport?.(report)
    },
    checkDeterminism: options.checkDeterminism ?? false,
    ...(options.drawSecret && { drawSecret: options.drawSecret }),
    takenOver: false,
  })
  const outcome = await ended
  await system.terminate()
  return {
    state: outcome.state,
    cause: outcome.state === 'failed' ? outcome.cause : undefined,
    rounds: committed,
    notices,
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof CodedError ? cause.code : 'TASK_FAILED'
}
