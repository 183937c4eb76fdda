import type { AskedState } from '../model/job-states.ts'
import type { TaskStatus } from '../model/task.ts'
import type { Asking } from '../requests/requests.ts'

/** What the controller is told from outside. */
export type ControllerMessage =
  | ({
      readonly type: 'ask-job-state'
      readonly user: string
      readonly job: string
      readonly state: AskedState
      /** The job's id as the body has it: FIELD_DIFFERS if it's another. */
      readonly id?: string | undefined
    } & Asking<null>)
  /** From the agent that runs a task, which shows the task's key. */
  | ({
      readonly type: 'report-task'
      readonly job: string
      readonly task: string
      readonly key: string | undefined
      /** Nobody is asked who they are. */
      readonly mayLackKey: boolean
      readonly status: TaskStatus
    } & Asking<null>)
  /** The server is to close: nothing runs here any more, and what was under way goes on elsewhere, or at the next start. */
  | ({ readonly type: 'hand-over' } & Asking<null>)
