import { z } from 'zod'
import { models, text, time } from './atoms.ts'

const newEntry = z.strictObject({
  requestId: text,
  /** Absent where the server asks for no token. */
  user: text.exactOptional(),
  /** Id of the token that the caller has shown. */
  tokenId: text.exactOptional(),
  address: text.exactOptional(),
  /** Absent if the request fits no operation. */
  operation: text.exactOptional(),
  method: text,
  /** The path without the query, which may hold a key. */
  path: text,
  /** Absent if the server ended before the request did. */
  status: z.number().int().exactOptional(),
  /** Code of the error, if the request was refused or failed. */
  code: text.exactOptional(),
})

/** A request to the server: the caller, the operation, the answer. */
export type NewAuditEntry = z.output<typeof newEntry>

export const auditEntry = z.strictObject({ number: z.number().int(), at: time, ...newEntry.shape })
models.add(auditEntry, { id: 'AuditEntry' })
export type AuditEntry = z.output<typeof auditEntry>

const refusal = z.strictObject({
  /** The token's user, where the caller has shown a valid token. */
  user: text.exactOptional(),
  /** Address of the caller. Absent, like the user, for callers beyond the number that is told apart. */
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
  /** `path`: path of the last of these requests, where the user is known. */
  counts: z.array(refusal.extend({ count: z.number().int(), path: text.exactOptional() })),
})
models.add(refusalCounts, { id: 'RefusalCounts' })
/** Counts of refusals by caller and code, since the entry before, or in one minute. */
export type RefusalCounts = z.output<typeof refusalCounts>
