import type { z } from 'zod'
import { type Behavior, decode, encode, type Store } from '../../runtime/index.ts'
import { auditEntry, refusalCounts } from '../model/audit-entry.ts'
import { catalogueError } from '../model/errors.ts'
import { type Page, type PageRequest, pageOf } from '../requests/page.ts'
import { answer } from '../requests/requests.ts'
import type { AuditMessage } from './protocol.ts'
import { refusalTally } from './refusal-tally.ts'

export interface AuditParts {
  readonly store: Store
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  /** Entries kept; older ones go. Default: 100,000. */
  readonly auditKept?: number
}

const key = 'audit'
const refusalsKey = 'audit-refusals'
const refusalsKept = 1440

/**
 * Who changed what: a journal. Entries are written together as they come, in their order. Who was refused is in a journal of
 * its own, where one entry counts those of a while, so that they cost little and take no entry's place in the first.
 */
export function audit({ store, now, auditKept: kept = 100_000 }: AuditParts): Behavior<AuditMessage> {
  return (context) => {
    const refusals = refusalTally()
    return (message) => {
      switch (message.type) {
        case 'record-audit':
          // Not awaited: the next entry is written with this one.
          return void context.track(
            answer(message, async () => {
              await appendWithin(key, kept, { at: now(), ...message.entry })
              return null
            }),
          )
        case 'read-audit':
          return void context.track(answer(message, () => readPage(store, key, auditEntry, message.page)))
        case 'count-refusals':
          return void answer(message, async () => {
            for (const { count, ...refusal } of message.counts) refusals.add(refusal, count)
            return null
          })
        case 'keep-refusals':
          return void context.track(answer(message, keepRefusals))
        case 'read-refusals':
          return void context.track(
            answer(message, async () => {
              await keepRefusals()
              return readPage(store, refusalsKey, refusalCounts, message.page)
            }),
          )
      }
    }

    async function keepRefusals(): Promise<null> {
      const counts = refusals.take()
      if (counts.length === 0) return null
      try {
        await appendWithin(refusalsKey, refusalsKept, { at: now(), counts })
      } catch (cause) {
        for (const { count, ...refusal } of counts) refusals.add(refusal, count)
        throw cause
      }
      return null
    }
  }

  /** Appends an entry. Older ones than so many are dropped, some at a time. */
  async function appendWithin(journal: string, most: number, entry: object): Promise<void> {
    const number = await store.append(journal, encode(entry))
    const stride = Math.max(1, Math.floor(most / 10))
    if (number > most && number % stride === 0) await store.truncate(journal, number - most)
  }
}

function readPage<Model extends z.ZodType>(
  store: Store,
  journal: string,
  model: Model,
  page: PageRequest,
): Promise<Page<z.output<Model>>> {
  const from = Number(page.after ?? 0) + 1
  return pageOf(
    store.read(journal, { from }),
    page,
    ({ number }) => String(number),
    ({ number, bytes }) => {
      const decoded = model.safeParse({ number, ...Object(decode(bytes)) })
      if (decoded.success) return decoded.data
      throw catalogueError('RECORD_DAMAGED', { id: number, collection: journal }, { cause: decoded.error })
    },
  )
}
