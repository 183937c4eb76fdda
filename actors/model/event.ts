import { z } from 'zod'
import { jobStates } from './job.ts'
import { reportedStates } from './task.ts'

const text = z.string()
const cause = { code: text, message: text, hint: text.exactOptional() }
const metrics = z.record(text, z.number())

/** What happened in a job. Of a newer server it may have more fields. */
export const jobEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('state'), state: z.enum(jobStates), cause: z.object(cause).exactOptional() }),
  z.object({ type: z.literal('task'), task: text, end: text, state: z.enum(reportedStates) }),
  z.object({
    type: z.literal('round'),
    round: z.number().int(),
    metrics,
    hash: text,
    members: z.array(text).readonly(),
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

/** An event as the server sends it. */
export const numberedEvent = z.object({ number: z.number().int().positive(), at: text, event: jobEvent })
