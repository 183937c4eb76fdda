import { type Behavior, decode, encode, type Store } from '../../runtime/index.ts'
import { type AuditEntry, auditEntry } from '../catalogue/model/audit-entry.ts'
import { type Page, type PageRequest, pageOf } from '../catalogue/page.ts'
import { answer } from '../catalogue/reply.ts'
import { catalogueError } from '../errors.ts'
import type { AuditMessage } from './protocol.ts'

export interface AuditParts {
  readonly store: Store
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  /** Entries kept; older ones go. Default: 100,000. */
  readonly auditKept?: number
}

const key = 'audit'

/** Who changed what, and who was refused: a journal. Entries are written together as they come, in their order. */
export function audit({ store, now, auditKept: kept = 100_000 }: AuditParts): Behavior<AuditMessage> {
  /** Entries are dropped so many at a time. */
  const stride = Math.max(1, Math.floor(kept / 10))
  return (context) => (message) => {
    switch (message.type) {
      case 'record-audit':
        // Not awaited: the next entry is written with this one.
        return void context.track(
          answer(message, async () => {
            const number = await store.append(key, encode({ at: now(), ...message.entry }))
            if (number > kept && number % stride === 0) await store.truncate(key, number - kept)
            return null
          }),
        )
      case 'read-audit':
        return void context.track(answer(message, () => readPage(store, message.page)))
    }
  }
}

function readPage(store: Store, page: PageRequest): Promise<Page<AuditEntry>> {
  const from = Number(page.after ?? 0) + 1
  return pageOf(
    store.read(key, { from }),
    page,
    ({ number }) => String(number),
    ({ number, bytes }) => {
      const decoded = auditEntry.safeParse({ number, ...Object(decode(bytes)) })
      if (decoded.success) return decoded.data
      throw catalogueError('RECORD_DAMAGED', { id: number, collection: key }, { cause: decoded.error })
    },
  )
}
