import type { DurableStore } from '../../runtime/index.ts'
import type { CommittedModel, ModelRegistry } from '../registry/registry.ts'
import type { Settings } from '../role/role.ts'
import {
  type Choices,
  chosenAlgorithm,
  requireLearner,
  requireTopology,
  requireUpdates,
} from '../strategy/chosen-algorithm.ts'
import type { TopologyFacts } from '../tag/errors.ts'
import { expansion, type Task } from '../tag/expand.ts'
import type { Schema } from '../tag/schema.ts'
import type { Topology } from '../tag/topology.ts'
import { assertValid } from '../tag/validate.ts'
import type { TrainingPool } from '../training/training-pool.ts'
import { jobSettings } from '../workload/hyperparameters.ts'
import type { Workload } from '../workload/workload.ts'
import type { HostedTasks } from './hosted-tasks.ts'
import { type RoleTaskOptions, requireClients, requireRoles, roleTasksOf } from './role-tasks.ts'

/** A job of which tasks are to be hosted. */
export interface JobToHost extends Pick<RoleTaskOptions, 'clientOf'> {
  readonly run: string
  readonly takenOver?: boolean
  readonly workload: Workload
  readonly schema: Schema
  /** All tasks of the job, in the order of the expansion. */
  readonly tasks: readonly Omit<Task, 'channels'>[]
  /** Whether a task has its place in this host. Default: each. */
  readonly isHere?: (end: string) => boolean
  /** Override the workload's settings, and name the seed. */
  readonly hyperparameters?: Readonly<Record<string, unknown>> | undefined
  /** Take the place of the workload's algorithm and of parts of it. */
  readonly algorithms?: Omit<Choices, 'hyperparameters'> | undefined
}

/** What a host has for the jobs of which it hosts tasks. */
export interface HostParts {
  readonly store: DurableStore
  readonly registry: ModelRegistry
  readonly checkDeterminism?: boolean | undefined
  /** Makes the pool that trains the job's clients. */
  readonly poolOf: (plan: { readonly settings: Settings; readonly seed: number }) => Promise<TrainingPool>
}

export interface PreparedTasks {
  readonly hosted: Omit<HostedTasks, 'reports' | 'onRound'>
  /** Hyperparameters that the workload has no setting for. */
  readonly unknownSettings: readonly string[]
  /** The model of the last round that an earlier start of the job published. */
  readonly latest: CommittedModel | undefined
}

/**
 * The topology of a workload for these settings, checked whole, and with the roles and the algorithm that are to run on it.
 *
 * @throws as `assertValid`, `requireRoles`, `chosenAlgorithm`, `requireTopology` and `requireUpdates` do.
 */
export function validTopology(
  workload: Workload,
  settings: Settings,
  algorithms: Choices = {},
  facts: TopologyFacts = {},
): Topology {
  const topology = workload.topology(settings)
  assertValid(topology, facts)
  requireRoles(topology.schema, workload.roles)
  const strategy = chosenAlgorithm(workload.strategy(settings), algorithms)
  requireTopology(strategy, topology.schema)
  requireUpdates(strategy, topology.schema, expansion(topology, { jobId: '', newKey: () => '' }))
  return topology
}

/**
 * Makes a job's tasks ready to be hosted: finds their roles, settings and strategy, and starts the training pool. The pool is
 * closed when the signal is aborted.
 *
 * @throws JOB_ROLE_UNKNOWN, JOB_ROLE_MISSING, JOB_CLIENTS, JOB_SEED, WORKLOAD_VALUE, and as `chosenAlgorithm` and
 *   `requireTopology`, `requireUpdates` and `requireLearner` do.
 */
export async function prepareTasks(
  { run, takenOver = false, workload, hyperparameters = {}, algorithms, isHere = () => true, ...job }: JobToHost,
  { store, registry, checkDeterminism = false, poolOf }: HostParts,
  signal: AbortSignal,
): Promise<PreparedTasks> {
  const all = roleTasksOf(job, { clientOf: job.clientOf, roles: workload.roles })
  const clients = all.filter(({ client }) => client !== undefined).length
  const { seed, settings, unknown } = jobSettings(workload.settings, hyperparameters, clients)
  const strategy = chosenAlgorithm(workload.strategy(settings), { ...algorithms, hyperparameters })
  requireTopology(strategy, job.schema)
  requireUpdates(strategy, job.schema, job.tasks)
  const pool = await poolOf({ settings, seed })
  const close = () => void pool.close()
  if (signal.aborted) close()
  else signal.addEventListener('abort', close, { once: true })
  requireClients(all, pool.clients)
  requireLearner(strategy, pool)
  const tasks = all.filter(({ end }) => isHere(end))
  const shared = { run, workload: workload.name, seed, settings, strategy, pool, tasks, store, registry }
  return {
    hosted: { ...shared, checkDeterminism, takenOver, isSpread: tasks.length < all.length },
    unknownSettings: unknown,
    latest: await registry.latest(run),
  }
}
