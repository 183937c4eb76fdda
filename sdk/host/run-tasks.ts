import type { ActorRef, ActorSystem, Behavior } from '../../runtime/index.ts'
import type { Task } from '../tag/expand.ts'
import { type HostedTasks, hostedTasks } from './hosted-tasks.ts'
import type { TaskReport } from './role-task.ts'
import { taskTally } from './task-tally.ts'

/** How the tasks of a job ended. */
export type TasksOutcome =
  | { readonly state: 'completed' }
  /** Every task of a role has failed, the last one with this cause; or the host itself has failed with this cause. */
  | { readonly state: 'failed'; readonly cause: unknown }
  /** `stop` or the end of the actor system ended the tasks before they were done. */
  | { readonly state: 'stopped' }

export interface TasksToFollow {
  /** All tasks of the job, for the tally. */
  readonly expansion: readonly Pick<Task, 'end' | 'role' | 'dataset'>[]
  /** Called with each report of the tasks, after the tally has counted the report. */
  readonly onReport?: ((report: TaskReport) => void) | undefined
}

export interface TasksToRun extends Omit<HostedTasks, 'reports'>, TasksToFollow {}

export interface TasksRun {
  /** Resolves when no task runs any more. Never rejects. */
  readonly ended: Promise<TasksOutcome>
  /** Stops the tasks; a round in progress is lost. */
  stop(): void
}

type Message = TaskReport | { readonly type: 'host-stopped'; readonly cause?: unknown }

/** Hosts all tasks of a job in one actor system, without a control plane, until the job has ended. */
export function runTasks(system: ActorSystem, { expansion, onReport, ...hosted }: TasksToRun): TasksRun {
  return runHost(system, { expansion, onReport }, (reports) => hostedTasks({ ...hosted, reports }))
}

/** As `runTasks`, by another host, which tells the reports of all tasks wherever they run. */
export function runHost<HostMessage>(
  system: ActorSystem,
  tasks: TasksToFollow,
  hostOf: (reports: ActorRef<TaskReport>) => Behavior<HostMessage>,
): TasksRun {
  let outcome: TasksOutcome | undefined
  const job: ActorRef<Message> = system.spawn(
    'job',
    overseer(tasks, hostOf, (decided) => {
      outcome = decided
    }),
    { supervise: { type: 'stop' } },
  )
  return {
    ended: system
      .stopped(job)
      .then(({ cause }) => outcome ?? (cause === undefined ? { state: 'stopped' } : { state: 'failed', cause })),
    stop: () => system.stop(job),
  }
}

/** Parent of the host: keeps the tally, and stops once the outcome is decided. */
function overseer<HostMessage>(
  { expansion, onReport = () => {} }: TasksToFollow,
  hostOf: (reports: ActorRef<TaskReport>) => Behavior<HostMessage>,
  decide: (outcome: TasksOutcome) => void,
): Behavior<Message> {
  return (context) => {
    const tally = taskTally(expansion)
    const host = context.spawn('tasks', hostOf(context.self), { supervise: { type: 'stop' } })
    context.watch(host, ({ cause }) => ({ type: 'host-stopped', ...(cause === undefined ? {} : { cause }) }))
    let isDecided = false
    const end = (outcome: TasksOutcome) => {
      isDecided = true
      decide(outcome)
      context.stop()
    }

    return (message) => {
      if (isDecided) return
      if (message.type === 'host-stopped') return end({ state: 'failed', cause: message.cause })
      const { type } = message
      const failedRole = type === 'task-completed' || type === 'task-failed' ? tally.ended(message) : undefined
      onReport(message)
      if (failedRole !== undefined && type === 'task-failed') return end({ state: 'failed', cause: message.cause })
      if (tally.allEnded) return end({ state: 'completed' })
    }
  }
}
