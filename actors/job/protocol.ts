import type { ActorRef } from '../../runtime/index.ts'
import type { TaskReport } from '../../sdk/index.ts'
import type { JobState } from './job-spec.ts'

export type JobMessage =
  | { readonly type: 'start' }
  /** Ends all tasks at once; what is committed stays, and the job can be started again. */
  | { readonly type: 'stop' }
  | { readonly type: 'tasks-stopped'; readonly state: JobState; readonly cause?: unknown }
  | TaskReport

/** What a job tells whoever follows it. */
export type JobEvent =
  | { readonly type: 'state'; readonly state: JobState; readonly cause?: unknown }
  /** To be answered by `seen` once it's noted: the next round isn't committed before. */
  | ({ readonly type: 'round'; readonly seen: ActorRef<null> } & RoundSummary)
  | Extract<TaskReport, { readonly type: 'notice' | 'metrics' | 'log' }>

/** A committed round, for people and programs. */
export interface RoundSummary {
  readonly round: number
  readonly metrics: Readonly<Record<string, number>>
  /** SHA-256 of the weights' little-endian bytes, in hexadecimal. */
  readonly hash: string
  /** Trainers whose updates were counted, sorted. */
  readonly members: readonly string[]
  /** Since the last round was committed, or the job started. */
  readonly seconds: number
}
