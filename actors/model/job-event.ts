import { z } from 'zod'
import type { RoundSummary } from '../../sdk/index.ts'
import { type JobStateName, jobStates } from './job-states.ts'
import { reportedStates, type TaskStatus } from './task.ts'

/** An event of a job, for people and programs that follow the job. */
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

export interface EventCause {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

/** A stored event. Numbers begin at 1 in each job, and have no gaps. */
export interface NumberedEvent {
  readonly number: number
  /** RFC 3339. */
  readonly at: string
  readonly event: JobEvent
}

const text = z.string()
const cause = { code: text, message: text, hint: text.exactOptional() }
const metrics = z.record(text, z.number())

/** Decodes an event of a job. A newer server's events may have more fields. */
export const jobEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('state'), state: z.enum(jobStates), cause: z.object(cause).exactOptional() }),
  z.object({ type: z.literal('task'), task: text, end: text, state: z.enum(reportedStates) }),
  z.object({
    type: z.literal('round'),
    round: z.number().int(),
    /** Names one of several models of the round. */
    part: text.exactOptional(),
    metrics,
    hash: text,
    members: z.array(text).readonly(),
    /** Selected ends that the round doesn't count. */
    notCounted: z
      .array(z.object({ end: text, reason: z.enum(['refused', 'gone', 'late']), code: text.exactOptional() }))
      .readonly()
      .exactOptional(),
    /** Members that have lost their own state, and started anew. */
    anew: z.array(text).readonly().exactOptional(),
    seconds: z.number(),
  }),
  z.object({ type: z.literal('metrics'), end: text, metrics }),
  z.object({
    type: z.literal('log'),
    end: text,
    message: text,
    fields: z.record(text, z.union([text, z.number(), z.boolean()])).exactOptional(),
  }),
  z.object({ type: z.literal('notice'), end: text, ...cause }),
])

/** Decodes an event that a server has sent. */
export const numberedEvent = z.object({ number: z.number().int().positive(), at: text, event: jobEvent })
