import { z } from 'zod'
import { models, text, time } from './atoms.ts'

const newEntry = z.strictObject({
  requestId: text,
  /** Absent where nobody is asked who they are. */
  user: text.exactOptional(),
  /** Names the token that was shown. */
  tokenId: text.exactOptional(),
  address: text.exactOptional(),
  /** Absent if the request fits none. */
  operation: text.exactOptional(),
  method: text,
  /** Without the query, which may hold a key. */
  path: text,
  /** Absent: the server ended before it knew how the request ended. */
  status: z.number().int().exactOptional(),
  /** Why it was refused, or failed. */
  code: text.exactOptional(),
})

/** What was asked of the server, by whom, and how it was answered. */
export type NewAuditEntry = z.output<typeof newEntry>

export const auditEntry = z.strictObject({ number: z.number().int(), at: time, ...newEntry.shape })
models.add(auditEntry, { id: 'AuditEntry' })
export type AuditEntry = z.output<typeof auditEntry>

const refusal = z.strictObject({
  /** Of the token, where one was shown that is good. */
  user: text.exactOptional(),
  /** Absent, as the user is, of refusals beyond as many callers as are told apart. */
  address: text.exactOptional(),
  /** Absent if no user is known, or the request fits no operation. */
  operation: text.exactOptional(),
  code: text,
})

/** A request that was refused and changed nothing. */
export type Refusal = z.output<typeof refusal>

export const refusalCounts = z.strictObject({
  number: z.number().int(),
  at: time,
  /** `path`: what the last request of these asked for, where the user is known. */
  counts: z.array(refusal.extend({ count: z.number().int(), path: text.exactOptional() })),
})
models.add(refusalCounts, { id: 'RefusalCounts' })
/** How often who was refused, and why, since the entry before, or in a minute. */
export type RefusalCounts = z.output<typeof refusalCounts>
