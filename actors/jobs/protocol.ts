import type { AskedState } from '../model/job-states.ts'
import type { Asked, Request } from '../requests/requests.ts'
import type { FlameletReport } from './actor/task-reports.ts'

export interface JobRequests {
  /** JOB_NOT_FOUND, JOB_STATE, FIELD_DIFFERS, MATCH_FAILED. */
  'ask-job-state': Request<AskedChange, null>
  /** From the flamelet that runs a task. */
  'report-task': Request<FlameletReport, null>
  /** The server is to close: no job runs here any more, and jobs under way go on elsewhere, or at the next start. */
  'hand-over': Request<unknown, null>
}
export type ControllerMessage = Asked<JobRequests>

/** The state into which a person wants to bring a job. */
export interface AskedChange {
  readonly user: string
  readonly job: string
  readonly state: AskedState
  /** The job's id as the body has it: FIELD_DIFFERS if it's another. */
  readonly id?: string | undefined
}
