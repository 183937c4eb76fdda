import type { AuditEntry, NewAuditEntry, RefusalCounts } from '../model/audit-entry.ts'
import type { Page, PageRequest } from '../requests/page.ts'
import type { Asking } from '../requests/requests.ts'
import type { CountedRefusal } from './refusal-tally.ts'

export interface AuditEnd {
  /** The number of the request that ended. */
  readonly asked: number
  /** For the audit log. Absent: the request was refused, and changed nothing. */
  readonly entry?: NewAuditEntry
}

export type AuditMessage =
  /** A change was asked for. Answered with a number for it, once it's durable. */
  | ({ readonly type: 'note-asked'; readonly entry: NewAuditEntry } & Asking<number>)
  /** How such requests ended. Answered once it's durable. */
  | ({ readonly type: 'note-ends'; readonly ends: readonly AuditEnd[] } & Asking<null>)
  /** The oldest first, after a number. */
  | ({ readonly type: 'read-audit'; readonly page: PageRequest } & Asking<Page<AuditEntry>>)
  /** Answered at once: it's durable with the next 'keep-refusals', together with others. */
  | ({ readonly type: 'count-refusals'; readonly counts: readonly CountedRefusal[] } & Asking<null>)
  /** Answered once all that was counted is durable. */
  | ({ readonly type: 'keep-refusals' } & Asking<null>)
  /** Those counted so far, the oldest first, after a number. */
  | ({ readonly type: 'read-refusals'; readonly page: PageRequest } & Asking<Page<RefusalCounts>>)
