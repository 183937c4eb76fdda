import type { DurableStore } from '../../../runtime/index.ts'
import { type HostedJob, lastRounds, type ModelRegistry, type SiteParts } from '../../../sdk/index.ts'
import type { RemoteSite, Sites } from '../../flamelets/sites.ts'
import { runFaults } from '../../model/algorithms.ts'
import type { JobEvent } from '../../model/job-event.ts'
import type { BaseModels } from '../../records/parts.ts'
import { type DeployableJob, type Deployer, deployerBy, statusesStored, wallClock } from '../deployer.ts'
import { type DeploymentObserver, type HostingParent, tasksDeployment } from '../tasks-deployment.ts'
import type { PlacedTask } from './site-choice.ts'
import type { SpawnSite, SpreadLimits, TasksToSpread } from './spread-parts.ts'
import { spreadTasks } from './spread-tasks.ts'

export interface SitesParts {
  /** Keeps where tasks are. The server's own site has its own store. */
  readonly store: DurableStore
  /** Keeps the models: of all jobs, or of the one that is asked for. */
  readonly registry: ModelRegistry | ((job: DeployableJob) => ModelRegistry)
  /** The sites that a job's tasks may go to. */
  readonly sitesOf: (job: DeployableJob) => Sites
  /** The server's own site, or the parts of one in its process, for tasks without data. */
  readonly own: SiteParts | SpawnSite
  /** Whether a task runs at the server's own site. Default: tasks without a dataset do. */
  readonly isOwn?: (task: PlacedTask, job: DeployableJob) => boolean
  /** Whether a site may host a task. Default: by the task's compute, and the site's datasets. */
  readonly fits?: (site: RemoteSite, task: PlacedTask, job: DeployableJob) => boolean
  /** Facts of a job that its sites need besides its specification. */
  readonly factsOf?: (job: DeployableJob) => Promise<Pick<HostedJob, 'workload' | 'clients' | 'codeHash'>>
  /** The tasks of a job with the URLs of their datasets. Default: without URLs. */
  readonly tasksOf?: (job: DeployableJob) => Promise<readonly PlacedTask[]>
  /** Gives the archive with a job's code. Absent: sites have the code. */
  readonly codeOf?: (job: DeployableJob) => Promise<Uint8Array>
  /** Wall-clock time as RFC 3339, of the models' lineage. Default: the system's. */
  readonly now?: () => string
  /** Gives the weights of a base model. Absent: no job begins with one. */
  readonly baseWeights?: BaseModels['weights'] | undefined
  /** Jobs that run at once. Default: any number. */
  readonly slots?: number
  readonly limits?: SpreadLimits
  readonly observer?: DeploymentObserver
}

/** Hosts the tasks of jobs at sites: those with data on flamelets or local processes, the others in this process. */
export function sitesDeployer({ slots, observer, ...parts }: SitesParts): Deployer {
  return deployerBy(
    'sites',
    (job, reports) =>
      tasksDeployment({
        job,
        reports,
        observer,
        prepare: () => prepared(job, parts),
        tasksOf: (ready, parent) => spreadTasks(tasksToSpread(job, ready, parent, parts)),
        stop(tasks, end, context) {
          const stop = (forget: boolean) => tasks.tell({ type: 'stop', forget })
          if (end !== 'completed') return stop(false)
          // A server that dies before the job's end is stored hosts the tasks again, and they need their state for that.
          void context.track(statusesStored(context, reports)).then(stop)
        },
      }),
    { slots, faultsOf: runFaults },
  )
}

interface Ready {
  readonly facts: Pick<HostedJob, 'workload' | 'clients' | 'codeHash'>
  readonly tasks: readonly PlacedTask[]
}

/** Tells the last round of each model again, whose event may have been lost with an earlier deployment. */
async function prepared(
  job: DeployableJob,
  { registry, factsOf, tasksOf }: Pick<SitesParts, 'registry' | 'factsOf' | 'tasksOf'>,
): Promise<{ readonly ready: Ready; readonly notes: readonly JobEvent[] }> {
  const [facts = {}, tasks = job.tasks] = await Promise.all([factsOf?.(job), tasksOf?.(job)])
  const rounds = await lastRounds(registryFor(job, registry), job.run)
  return { ready: { facts, tasks }, notes: rounds.map((round) => ({ type: 'round', ...round })) }
}

function registryFor(job: DeployableJob, registry: SitesParts['registry']): ModelRegistry {
  return typeof registry === 'function' ? registry(job) : registry
}

function tasksToSpread(
  job: DeployableJob,
  { facts, tasks }: Ready,
  parent: HostingParent,
  { store, registry, sitesOf, own, isOwn, fits, codeOf, baseWeights, now = wallClock, limits }: SitesParts,
): TasksToSpread {
  const { id, run, takenOver, spec, schema, baseModel } = job
  const { hyperparameters, ...algorithms } = spec.modelSpec ?? {}
  const models = registryFor(job, registry)
  return {
    ...parent,
    job: {
      ...{ id, run, takenOver, schema, algorithms, ...(hyperparameters && { hyperparameters }), ...facts },
      ...(baseModel && { hasBaseModel: true }),
    },
    tasks,
    own,
    sites: sitesOf(job),
    store,
    registry: { commit: (model) => models.commit({ ...model, createdAt: now(), design: spec.designId }) },
    ...(isOwn && { isOwn: (task) => isOwn(task, job) }),
    ...(fits && { fits: (site, task) => fits(site, task, job) }),
    ...(codeOf && { codeOf: () => codeOf(job) }),
    ...(baseModel && baseWeights && { baseWeights: (layout) => baseWeights(baseModel, layout) }),
    ...(limits && { limits }),
  }
}
