import type { JobStateName } from './job.ts'
import type { TaskStatus } from './task.ts'

/** What happened in a job, for people and programs that follow it. */
export type JobEvent =
  | { readonly type: 'state'; readonly state: JobStateName; readonly cause?: EventCause }
  | { readonly type: 'task'; readonly task: string; readonly end: string; readonly state: TaskStatus['state'] }
  | ({ readonly type: 'round' } & RoundSummary)
  | { readonly type: 'metrics'; readonly end: string; readonly metrics: Readonly<Record<string, number>> }
  | {
      readonly type: 'log'
      readonly end: string
      readonly message: string
      readonly fields?: Readonly<Record<string, string | number | boolean>>
    }
  | ({ readonly type: 'notice'; readonly end: string } & EventCause)

/** A committed round. */
export interface RoundSummary {
  readonly round: number
  readonly metrics: Readonly<Record<string, number>>
  /** SHA-256 of the weights' little-endian bytes, in hexadecimal. */
  readonly hash: string
  /** Ends whose updates were counted, sorted. */
  readonly members: readonly string[]
  /** Since the last round was committed, or the job started. */
  readonly seconds: number
}

export interface EventCause {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

/** An event as it's kept: from 1 without gaps in each job. */
export interface NumberedEvent {
  readonly number: number
  /** RFC 3339. */
  readonly at: string
  readonly event: JobEvent
}
