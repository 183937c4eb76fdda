import type { AuditEntry, NewAuditEntry, RefusalCounts } from '../model/audit-entry.ts'
import type { Page, PageRequest } from '../requests/page.ts'
import type { Asking } from '../requests/requests.ts'
import type { CountedRefusal } from './refusal-tally.ts'

export type AuditMessage =
  /** Answered once it's durable. */
  | ({ readonly type: 'record-audit'; readonly entry: NewAuditEntry } & Asking<null>)
  /** The oldest first, after a number. */
  | ({ readonly type: 'read-audit'; readonly page: PageRequest } & Asking<Page<AuditEntry>>)
  /** Answered at once: it's durable with the next 'keep-refusals', together with others. */
  | ({ readonly type: 'count-refusals'; readonly counts: readonly CountedRefusal[] } & Asking<null>)
  /** Answered once all that was counted is durable. */
  | ({ readonly type: 'keep-refusals' } & Asking<null>)
  /** Those counted so far, the oldest first, after a number. */
  | ({ readonly type: 'read-refusals'; readonly page: PageRequest } & Asking<Page<RefusalCounts>>)
