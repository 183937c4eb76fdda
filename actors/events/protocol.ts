import type { JobEvent, NumberedEvent } from '../model/job-event.ts'
import type { Asking } from '../requests/reply.ts'

export type EventsMessage =
  /** Answered with its number once it's durable. */
  | ({ readonly type: 'record-event'; readonly job: string; readonly event: JobEvent } & Asking<number>)
  /**
   * Those after a number, at most `limit`, in order. If there are none, it waits for the next one, at most `waitMs`, and
   * then answers with none. JOB_NOT_FOUND if the user has no such job.
   */
  | ({
      readonly type: 'read-events'
      readonly user: string
      readonly job: string
      readonly after: number
      readonly limit: number
      readonly waitMs: number
    } & Asking<readonly NumberedEvent[]>)
  /** With the job. */
  | ({ readonly type: 'remove-events'; readonly job: string } & Asking<null>)
