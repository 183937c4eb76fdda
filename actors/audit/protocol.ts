import type { AuditEntry, NewAuditEntry } from '../catalogue/model/audit-entry.ts'
import type { Page, PageRequest } from '../catalogue/page.ts'
import type { Asking } from '../catalogue/reply.ts'

export type AuditMessage =
  /** Answered once it's durable. */
  | ({ readonly type: 'record-audit'; readonly entry: NewAuditEntry } & Asking<null>)
  /** The oldest first, after a number. */
  | ({ readonly type: 'read-audit'; readonly page: PageRequest } & Asking<Page<AuditEntry>>)
