import type { AuditEntry, NewAuditEntry, RefusalCounts } from '../model/audit-entry.ts'
import type { Page, PageRequest } from '../requests/page.ts'
import type { Asked, Request } from '../requests/requests.ts'
import type { CountedRefusal } from './refusal-tally.ts'

export interface AuditEnd {
  /** The number of the request that ended. */
  readonly asked: number
  /** For the audit log. Absent: the request was refused, and changed nothing. */
  readonly entry?: NewAuditEntry
}

export interface AuditRequests {
  /** A change was asked for. Answered with a number for it, once it's durable. */
  'note-asked': Request<{ readonly entry: NewAuditEntry }, number>
  /** How such requests ended. Answered once it's durable. */
  'note-ends': Request<{ readonly ends: readonly AuditEnd[] }, null>
  /** The oldest first, after a number. */
  'read-audit': Request<{ readonly page: PageRequest }, Page<AuditEntry>>
  /** Answered at once: it's durable with the next 'keep-refusals', together with others. */
  'count-refusals': Request<{ readonly counts: readonly CountedRefusal[] }, null>
  /** Answered once all that was counted is durable. */
  'keep-refusals': Request<unknown, null>
  /** Those counted so far, the oldest first, after a number. */
  'read-refusals': Request<{ readonly page: PageRequest }, Page<RefusalCounts>>
}
export type AuditMessage = Asked<AuditRequests>
