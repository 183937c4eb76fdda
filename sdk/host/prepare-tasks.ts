import type { DurableStore } from '../../runtime/index.ts'
import type { GivenDatasets } from '../data/datasets.ts'
import { isLineageValue, type LineageValue, type ModelRegistry } from '../registry/registry.ts'
import type { Settings } from '../role/role.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import type { Choices } from '../strategy/chosen-algorithm.ts'
import { kinds } from '../strategy/kinds.ts'
import { requireLearner } from '../strategy/learner-needs.ts'
import type { Schema } from '../tag/schema.ts'
import type { TrainingPool } from '../training/training-pool.ts'
import { jobSettings } from '../workload/hyperparameters.ts'
import type { Workload } from '../workload/workload.ts'
import type { BaseWeights, HostedTasks } from './hosted-tasks.ts'
import type { RoleTask } from './role-task.ts'
import { type RoleTaskOptions, requireClients, roleTasksOf } from './role-tasks.ts'
import type { HostedTask, WholeJob } from './site-protocol.ts'

/** A job whose tasks are to be hosted. */
export interface JobToHost extends Pick<RoleTaskOptions, 'clientOf'> {
  readonly run: string
  readonly takenOver?: boolean
  readonly workload: Workload
  readonly schema: Schema
  /** All tasks of the job, or those that this host needs to know, in the order of the expansion. */
  readonly tasks: readonly HostedTask[]
  /** Absent if `tasks` are all tasks of the job. */
  readonly whole?: WholeJob
  /** Whether this host runs a task. Default: each. */
  readonly isHere?: (end: string) => boolean
  /** Values that override the workload's settings, and the seed. */
  readonly hyperparameters?: Readonly<Record<string, unknown>> | undefined
  /** Choices that replace the workload's algorithm and parts of it. */
  readonly algorithms?: Omit<Choices, 'hyperparameters'> | undefined
}

/** The parts that a host shares between the jobs whose tasks it runs. */
export interface HostParts {
  readonly store: DurableStore
  readonly registry: Pick<ModelRegistry, 'commit'>
  readonly checkDeterminism?: boolean | undefined
  /** Paths of the datasets that lie with this host, by name. */
  readonly paths?: GivenDatasets['paths'] | undefined
  /** Makes the pool that trains the job's clients. */
  readonly poolOf: (plan: PoolPlan) => Promise<TrainingPool>
  /** The weights with which the job begins. Default: those of its learner. */
  readonly baseWeights?: BaseWeights | undefined
}

/** The facts that a host's pool of a job needs besides the workload. */
export interface PoolPlan {
  readonly settings: Settings
  readonly seed: number
  readonly datasets?: GivenDatasets | undefined
}

export interface PreparedTasks {
  readonly hosted: Omit<HostedTasks, 'reports' | 'onRound'>
  /** Hyperparameters that the workload has no setting for. */
  readonly unknownSettings: readonly string[]
}

/**
 * Prepares a job's tasks for a host: finds their roles, settings and strategy, and starts the training pool. The pool
 * closes when the signal is aborted.
 *
 * @throws JOB_ROLE_UNKNOWN, JOB_ROLE_MISSING, JOB_CLIENTS, JOB_SEED, WORKLOAD_VALUE, and as `chosenAlgorithm`,
 *   `requireTopology`, `requireUpdates`, `requireLearner` and `splitPlan` do.
 */
export async function prepareTasks(
  { run, takenOver = false, workload, hyperparameters = {}, algorithms, isHere = () => true, ...job }: JobToHost,
  { store, registry, checkDeterminism = false, paths, poolOf, baseWeights }: HostParts,
  signal: AbortSignal,
): Promise<PreparedTasks> {
  const { whole } = job
  const partOf = whole && (({ end }: HostedTask) => whole.parts[end])
  const all = roleTasksOf(job, { clientOf: job.clientOf, roles: workload.roles, ...(partOf && { partOf }) })
  const tasks = all.filter(({ end }) => isHere(end))
  const { unknownSettings, ...prepared } = await prepareJob(
    {
      ...{ run, workload, schema: job.schema, hyperparameters, algorithms },
      clients: whole?.clients ?? all.filter(({ client }) => client !== undefined).length,
      fewestTrainers: (count) => whole?.fewestTrainers ?? count(job.tasks),
      requirePool: (pool) => requireClients(tasks, pool.clients),
    },
    {
      poolOf,
      baseWeights,
      datasets: paths && { paths, ofClients: datasetNames(all, job.tasks, isHere) },
    },
    signal,
  )
  const isSpread = tasks.length < (whole?.tasks ?? all.length)
  return { hosted: { ...prepared, tasks, store, registry, checkDeterminism, takenOver, isSpread }, unknownSettings }
}

/** A job, whoever hosts its tasks. */
export interface JobToPrepare
  extends Pick<JobToHost, 'run' | 'workload' | 'schema' | 'hyperparameters' | 'algorithms'> {
  /** Number of the job's clients. */
  readonly clients: number
  /** Most clients, where nothing is made for each. Default: those of a job. */
  readonly mostClients?: number
  /** Number of trainers in the smallest group from which a topmost aggregator selects; `count` finds it from all tasks. */
  readonly fewestTrainers: (count: (tasks: readonly HostedTask[]) => number) => number
  /** Checks the pool's data. */
  readonly requirePool: (pool: TrainingPool) => void
}

/** The settings, the algorithm and the training pool of a job. */
export interface PreparedJob
  extends Pick<HostedTasks, 'run' | 'workload' | 'seed' | 'settings' | 'strategy' | 'algorithm' | 'pool'> {
  /** Hyperparameters that the workload has no setting for. */
  readonly unknownSettings: readonly string[]
}

/**
 * Finds a job's settings and algorithm, and starts its training pool, which closes when the signal is aborted.
 *
 * @throws as `prepareTasks`, except for the errors of roles.
 */
export async function prepareJob(
  { run, workload, schema, hyperparameters = {}, algorithms, clients, mostClients, ...checks }: JobToPrepare,
  { poolOf, baseWeights, datasets }: Pick<HostParts, 'poolOf' | 'baseWeights'> & Pick<PoolPlan, 'datasets'>,
  signal: AbortSignal,
): Promise<PreparedJob> {
  const { seed, settings, unknown } = jobSettings(workload.settings, hyperparameters, clients, mostClients)
  const strategy = await strategyOf(workload.strategy(settings), { ...algorithms, hyperparameters })
  // Loaded late, so that a page has them only once it hosts a task.
  const fitting = await import('../strategy/fitting-algorithm.ts')
  fitting.requireTopology(strategy, schema)
  fitting.requireUpdates(strategy, schema, () =>
    checks.fewestTrainers((tasks) => fitting.fewestTrainers(schema, tasks)),
  )
  const own = await poolOf({ settings, seed, datasets })
  const pool = baseWeights ? { ...own, initialWeights: () => baseWeights(own.layout) } : own
  const close = () => void pool.close()
  if (signal.aborted) close()
  else signal.addEventListener('abort', close, { once: true })
  checks.requirePool(pool)
  requireLearner(strategy, pool)
  if (fitting.splitsModel(schema)) (await import('../role/stock/split-plan.ts')).splitPlan(settings, pool)
  const algorithm = { name: strategy.name, settings: lineageSettings(settings, algorithms) }
  return { run, workload: workload.name, seed, settings, strategy, algorithm, pool, unknownSettings: unknown }
}

/** The catalogue of algorithms is loaded for a job that names one, so that a page has no more than its workload's own. */
async function strategyOf(own: Algorithm, choices: Choices): Promise<Algorithm> {
  if (kinds.every((kind) => choices[kind] === undefined)) return own
  const { chosenAlgorithm } = await import('../strategy/chosen-algorithm.ts')
  return chosenAlgorithm(own, choices)
}

/**
 * The settings for the lineage: those of the job, and of each choice under `kind.name`. The settings of the optimizer, which
 * is the algorithm itself, have their own names.
 */
function lineageSettings(settings: Settings, choices: Choices = {}): Record<string, LineageValue> {
  const chosen = kinds.flatMap((kind): readonly (readonly [string, unknown])[] => {
    const choice = choices[kind]
    if (!choice) return []
    const kwargs = Object.entries(choice.kwargs ?? {})
    if (kind === 'optimizer') return kwargs
    return [[kind, choice.sort] as const, ...kwargs.map(([name, value]) => [`${kind}.${name}`, value] as const)]
  })
  const all: readonly (readonly [string, unknown])[] = [...Object.entries(settings), ...chosen]
  return Object.fromEntries(all.flatMap(([name, value]) => (isLineageValue(value) ? [[name, value]] : [])))
}

/** By client of this host: the name of the client's dataset. */
function datasetNames(
  all: readonly RoleTask[],
  tasks: JobToHost['tasks'],
  isHere: (end: string) => boolean,
): Record<number, string> {
  const names: Record<number, string> = {}
  for (const [index, { end, client }] of all.entries()) {
    const dataset = tasks[index]?.dataset
    if (client !== undefined && dataset !== undefined && isHere(end)) names[client] = dataset
  }
  return names
}
