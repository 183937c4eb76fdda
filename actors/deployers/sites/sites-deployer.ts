import type { ActorRef, Behavior, DurableStore } from '../../../runtime/index.ts'
import {
  type HostedJob,
  lastRounds,
  type ModelRegistry,
  type RoundSummary,
  type SiteParts,
  type TaskReport,
} from '../../../sdk/index.ts'
import type { RemoteSite, Sites } from '../../flamelets/sites.ts'
import { runFaults } from '../../model/algorithms.ts'
import {
  type DeployableJob,
  type Deployer,
  type DeploymentMessage,
  type DeploymentReport,
  deploymentBy,
  eventRecorded,
} from '../deployer.ts'
import type { DeploymentObserver } from '../in-process/in-process-deployer.ts'
import { toldTasks } from '../told-tasks.ts'
import type { PlacedTask } from './site-choice.ts'
import type { SpawnSite, SpreadLimits, SpreadMessage } from './spread-parts.ts'
import { spreadTasks } from './spread-tasks.ts'

export interface SitesParts {
  /** Keeps where tasks are. The server's own site has its own store. */
  readonly store: DurableStore
  readonly registry: ModelRegistry
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
  /** Jobs that run at once. Default: any number. */
  readonly slots?: number
  readonly limits?: SpreadLimits
  readonly observer?: DeploymentObserver
}

type Message =
  | DeploymentMessage
  | TaskReport
  | {
      readonly type: 'prepared'
      readonly facts: Pick<HostedJob, 'workload' | 'clients' | 'codeHash'>
      readonly tasks: readonly PlacedTask[]
    }
  | { readonly type: 'not-prepared'; readonly cause: unknown }
  | { readonly type: 'tasks-stopped'; readonly cause?: unknown }

/** Hosts the tasks of jobs at sites: those with data on flamelets or local processes, the others in this process. */
export function sitesDeployer({ slots, ...parts }: SitesParts): Deployer {
  return {
    ...(slots === undefined ? {} : { slots }),
    faultsOf: runFaults,
    deployment: (job, reports) => deploymentBy('sites', deployment(job, reports, parts)),
  }
}

function deployment(
  job: DeployableJob,
  reports: ActorRef<DeploymentReport>,
  { store, registry, sitesOf, own, observer, ...parts }: Omit<SitesParts, 'slots'>,
): Behavior<Message> {
  return (context) => {
    const { run, spec, schema } = job
    const told = toldTasks(job, reports, { onFailure: (cause) => observer?.taskFailed(job.id, cause) })
    let tasks: ActorRef<SpreadMessage> | undefined
    /** The state in which the remaining tasks end, once the end is decided. */
    let ending: 'completed' | 'terminated' | undefined
    let isInterrupted = false
    void context.track(prepared()).then(
      (ready) => context.self.tell({ type: 'prepared', ...ready }),
      (cause: unknown) => context.self.tell({ type: 'not-prepared', cause }),
    )

    return (message) => {
      switch (message.type) {
        case 'prepared':
          return begin(message)
        case 'not-prepared':
          if (!ending) reports.tell({ type: 'deployment-failed', cause: message.cause })
          return context.stop()
        case 'tasks-stopped':
          if (message.cause !== undefined) return context.fail(message.cause)
          if (ending) told.endLeft(ending)
          return context.stop()
        case 'apply':
          // Running tasks keep the settings that they began with.
          return reports.tell({ type: 'placed' })
        case 'stop':
          return end('terminated')
        case 'task-reported':
          return
        default:
          return heard(message)
      }
    }

    /** Tells the last round of each model again, whose event may have been lost with an earlier deployment. */
    async function prepared(): Promise<Omit<Extract<Message, { type: 'prepared' }>, 'type'>> {
      const [facts = {}, placed = job.tasks] = await Promise.all([parts.factsOf?.(job), parts.tasksOf?.(job)])
      for (const round of await lastRounds(registry, run)) told.event({ type: 'round', ...round })
      return { facts, tasks: placed }
    }

    function begin({ facts, tasks: placed }: Omit<Extract<Message, { type: 'prepared' }>, 'type'>): void {
      if (ending) {
        told.endLeft(ending)
        return context.stop()
      }
      reports.tell({ type: 'placed' })
      const { takenOver, id } = job
      const { isOwn, fits, codeOf, limits } = parts
      const { hyperparameters, ...algorithms } = spec.modelSpec ?? {}
      const behavior = spreadTasks({
        job: { id, run, takenOver, schema, algorithms, ...(hyperparameters && { hyperparameters }), ...facts },
        tasks: placed,
        own,
        sites: sitesOf(job),
        store,
        registry: { commit: (model) => registry.commit({ ...model, design: spec.designId }) },
        onRound,
        reports: context.self,
        ...(isOwn && { isOwn: (task) => isOwn(task, job) }),
        ...(fits && { fits: (site, task) => fits(site, task, job) }),
        ...(codeOf && { codeOf: () => codeOf(job) }),
        ...(limits && { limits }),
      })
      tasks = context.spawn('tasks', behavior, { supervise: { type: 'stop' } })
      context.watch(tasks, ({ cause }) => ({ type: 'tasks-stopped', ...(cause === undefined ? {} : { cause }) }))
    }

    async function onRound(round: RoundSummary): Promise<void> {
      await eventRecorded(context, reports, { type: 'round', ...round })
      await observer?.roundRecorded(job.id, round)
    }

    function heard(report: TaskReport): void {
      const isEnd = report.type === 'task-completed' || report.type === 'task-failed'
      if (isEnd && (ending || isInterrupted)) return
      const over = told.heard(report)
      if (over === 'interrupted') isInterrupted = true
      else if (over) end(over)
    }

    /** Stops the remaining tasks, which end in the given state. */
    function end(state: 'completed' | 'terminated'): void {
      ending ??= state
      tasks?.tell({ type: 'stop', forget: ending === 'completed' })
    }
  }
}
