import { type ActorRef, type Behavior, CodedError, type Store } from '../../runtime/index.ts'
import type { ModelRegistry, RoleTask, TaskReport } from '../../sdk/index.ts'
import { jobError } from './errors.ts'
import { hostedTasks } from './hosted-tasks.ts'
import { saveState } from './job-record.ts'
import { endedStates, type JobParts, type JobSpec, type JobState } from './job-spec.ts'
import type { JobEvent, JobMessage, RoundSummary } from './protocol.ts'
import { taskTally } from './task-tally.ts'
import { tasksOf } from './tasks.ts'

/** How long a follower may take to take note of a round. */
const followerTimeoutMs = 10_000

export interface JobActorOptions {
  readonly spec: JobSpec
  readonly parts: JobParts
  readonly store: Store
  readonly registry: ModelRegistry
  readonly follower: ActorRef<JobEvent>
  /** Wall-clock time as RFC 3339, for the record. */
  readonly wallTime: () => string
  /** Run each round twice and compare. Default false. */
  readonly checkDeterminism?: boolean
}

/** Runs one job: expands its topology, hosts a role actor for each task, and ends when they have. */
export function jobActor({
  spec,
  parts,
  store,
  registry,
  follower,
  wallTime,
  checkDeterminism = false,
}: JobActorOptions): Behavior<JobMessage> {
  return (context) => {
    let state: JobState = 'ready'
    let tasks: readonly RoleTask[] = []
    let tally = taskTally([])
    let tasksActor: ActorRef<never> | undefined
    let ending: JobState = 'completed'
    let endingCause: unknown

    return async (message) => {
      switch (message.type) {
        case 'start':
          return start()
        case 'stop':
          if (state === 'ready') return enter('terminated')
          if (endedStates.includes(state) || state === 'stopping') return
          await enter('stopping')
          return stopTasks('terminated')
        case 'tasks-stopped':
          return enter(message.state, message.cause)
        case 'task-running':
          if (state === 'deploying') await enter('running')
          return
        case 'notice':
        case 'metrics':
        case 'log':
          return follower.tell(message)
        case 'task-completed':
        case 'task-failed':
          return taskEnded(message)
      }
    }

    async function start(): Promise<void> {
      await enter('starting')
      try {
        tasks = tasksOf(spec, parts)
      } catch (cause) {
        return enter('failed', cause)
      }
      tally = taskTally(tasks)
      await enter('deploying')
      const hosted = hostedTasks({
        ...spec,
        ...parts,
        run: spec.id,
        tasks,
        store,
        registry,
        reports: context.self,
        onRound: tell,
        checkDeterminism,
        takenOver: false,
      })
      tasksActor = context.spawn('tasks', hosted, { supervise: { type: 'stop' } })
      context.watch(tasksActor, ({ cause }) => ({
        type: 'tasks-stopped',
        state: cause === undefined ? ending : 'failed',
        cause: cause ?? endingCause,
      }))
    }

    async function tell(round: RoundSummary): Promise<void> {
      const told = context.ask<null, JobEvent>(follower, (seen) => ({ type: 'round', ...round, seen }), {
        timeoutMs: followerTimeoutMs,
      })
      // A follower that has gone, or hangs, doesn't hold up the job.
      await told.catch(() => {})
    }

    function taskEnded(report: Extract<TaskReport, { type: 'task-completed' | 'task-failed' }>): void {
      if (state === 'stopping' || endedStates.includes(state)) return
      if (report.type === 'task-failed')
        follower.tell({ type: 'notice', end: report.end, notice: noticeOf(report.cause) })
      const failedRole = tally.ended(report)
      if (failedRole && report.type === 'task-failed') {
        return stopTasks(
          'failed',
          report.cause instanceof CodedError
            ? report.cause
            : jobError(
                'JOB_ROLE_FAILED',
                { role: failedRole, end: report.end, cause: report.cause },
                { cause: report.cause },
              ),
        )
      }
      if (tally.allEnded) stopTasks('completed')
    }

    function stopTasks(then: JobState, cause?: unknown): void {
      ending = then
      endingCause = cause
      if (tasksActor) context.stop(tasksActor)
    }

    async function enter(next: JobState, cause?: unknown): Promise<void> {
      state = next
      await context.track(saveState(store, spec.id, next, wallTime(), cause === undefined ? undefined : String(cause)))
      follower.tell({ type: 'state', state: next, ...(cause === undefined ? {} : { cause }) })
    }
  }
}

function noticeOf(cause: unknown): { code: string; message: string } {
  return cause instanceof CodedError ? cause : { code: 'TASK_FAILED', message: String(cause) }
}
