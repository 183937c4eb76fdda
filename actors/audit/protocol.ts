import type { AuditEntry, NewAuditEntry, RefusalCounts } from '../model/audit-entry.ts'
import type { Page, PageRequest } from '../requests/page.ts'
import type { Asked, Request } from '../requests/requests.ts'
import type { CountedRefusal } from './refusal-tally.ts'

export interface AuditEnd {
  /** Number of the note of the request that has ended. */
  readonly asked: number
  /** Entry of the audit log. Absent if the request was refused, and changed nothing. */
  readonly entry?: NewAuditEntry
}

export interface AuditRequests {
  /** Notes a request for a change. Answered with the number of the note, once the note is durable. */
  'note-asked': Request<{ readonly entry: NewAuditEntry }, number>
  /** Notes the ends of requests. Answered once the ends are durable. */
  'note-ends': Request<{ readonly ends: readonly AuditEnd[] }, null>
  /** Answered with entries after a number, the oldest first. */
  'read-audit': Request<{ readonly page: PageRequest }, Page<AuditEntry>>
  /** Counts refusals. Answered at once: the counts become durable with the next 'keep-refusals'. */
  'count-refusals': Request<{ readonly counts: readonly CountedRefusal[] }, null>
  /** Answered once all counts are durable. */
  'keep-refusals': Request<unknown, null>
  /** Answered with counts after a number, the oldest first, including the present minute's. */
  'read-refusals': Request<{ readonly page: PageRequest }, Page<RefusalCounts>>
}
export type AuditMessage = Asked<AuditRequests>
