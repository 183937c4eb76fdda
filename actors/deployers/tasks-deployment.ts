import type { ActorContext, ActorRef, Behavior } from '../../runtime/index.ts'
import type { RoundSummary, TaskReport } from '../../sdk/index.ts'
import type { JobEvent } from '../model/job-event.ts'
import { type DeployableJob, type DeploymentMessage, type DeploymentReport, eventRecorded } from './deployer.ts'
import { toldTasks } from './told-tasks.ts'

/** Observes the deployments from within their process. */
export interface DeploymentObserver {
  /**
   * A round is recorded among the job's events. The next round is committed only after the promise resolves. Must not
   * reject.
   */
  roundRecorded(job: string, round: RoundSummary): Promise<void>
  /** A task has failed. `cause` is the thrown error itself. */
  taskFailed(job: string, cause: unknown): void
}

/** The actor of a job's tasks: how it is made, and how it ends. */
export interface HostingParts<Ready, Command> {
  readonly job: DeployableJob
  readonly reports: ActorRef<DeploymentReport>
  readonly observer?: DeploymentObserver | undefined
  /** Makes ready what the tasks need. `notes`: events to record before the tasks begin. */
  prepare(signal: AbortSignal): Promise<{ readonly ready: Ready; readonly notes: readonly JobEvent[] }>
  /** The actor that hosts the tasks, told where to report. */
  tasksOf(ready: Ready, parent: HostingParent): Behavior<Command>
  /** Has the actor of the tasks stop. Called once. */
  stop(
    tasks: ActorRef<Command>,
    end: 'completed' | 'terminated',
    context: Pick<ActorContext<never>, 'stop' | 'ask' | 'track'>,
  ): void
  /** Frees what `prepare` has made, once the tasks have stopped. */
  close?(ready: Ready): Promise<void>
}

export interface HostingParent {
  readonly reports: ActorRef<TaskReport>
  /** Records a round among the job's events. */
  readonly onRound: (round: RoundSummary) => Promise<void>
}

type Message<Ready> =
  | DeploymentMessage
  | TaskReport
  | { readonly type: 'prepared'; readonly ready: Ready; readonly notes: readonly JobEvent[] }
  | { readonly type: 'not-prepared'; readonly cause: unknown }
  | { readonly type: 'tasks-stopped'; readonly cause?: unknown }

/**
 * The actor of a deployment whose tasks are hosted by a child of its own: it tells the job's actor what the tasks
 * report, stops the remaining tasks once the job's end is decided, and stops when the tasks have stopped.
 */
export function tasksDeployment<Ready, Command>(parts: HostingParts<Ready, Command>): Behavior<Message<Ready>> {
  const { job, reports, observer } = parts
  return (context) => {
    const told = toldTasks(job, reports, { onFailure: (cause) => observer?.taskFailed(job.id, cause) })
    let tasks: ActorRef<Command> | undefined
    let close = async () => {}
    /** The state in which the remaining tasks end, once the end is decided. */
    let ending: 'completed' | 'terminated' | undefined
    let isInterrupted = false
    void context.track(parts.prepare(context.signal)).then(
      (prepared) => context.self.tell({ type: 'prepared', ...prepared }),
      (cause: unknown) => context.self.tell({ type: 'not-prepared', cause }),
    )

    return (message) => {
      switch (message.type) {
        case 'prepared':
          return begin(message.ready, message.notes)
        case 'not-prepared':
          if (!ending) reports.tell({ type: 'deployment-failed', cause: message.cause })
          return context.stop()
        case 'tasks-stopped':
          return message.cause === undefined ? over() : context.fail(message.cause)
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

    function begin(ready: Ready, notes: readonly JobEvent[]): Promise<void> | undefined {
      close = async () => parts.close?.(ready)
      if (ending) return over()
      for (const note of notes) told.event(note)
      reports.tell({ type: 'placed' })
      const behavior = parts.tasksOf(ready, { reports: context.self, onRound })
      tasks = context.spawn('tasks', behavior, { supervise: { type: 'stop' } })
      context.watch(tasks, ({ cause }) => ({ type: 'tasks-stopped', ...(cause === undefined ? {} : { cause }) }))
      return undefined
    }

    async function onRound(round: RoundSummary): Promise<void> {
      await eventRecorded(context, reports, { type: 'round', ...round })
      await observer?.roundRecorded(job.id, round)
    }

    function heard(report: TaskReport): void {
      const isEnd = report.type === 'task-completed' || report.type === 'task-failed'
      if (isEnd && (ending || isInterrupted)) return
      const decided = told.heard(report)
      if (decided === 'interrupted') isInterrupted = true
      else if (decided) end(decided)
    }

    /** Stops the remaining tasks, which end in the given state. */
    function end(state: 'completed' | 'terminated'): void {
      if (ending) return
      ending = state
      if (tasks) parts.stop(tasks, ending, context)
    }

    async function over(): Promise<void> {
      await context.track(close())
      if (ending) told.endLeft(ending)
      context.stop()
    }
  }
}
