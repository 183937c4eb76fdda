import type { z } from 'zod'
import { type Behavior, decode, encode, type Store } from '../../runtime/index.ts'
import { auditEntry, refusalCounts } from '../model/audit-entry.ts'
import { catalogueError } from '../model/errors.ts'
import type { Holdings } from '../records/holdings.ts'
import { type Page, type PageRequest, pageOf } from '../requests/page.ts'
import { answer } from '../requests/requests.ts'
import type { AuditEnd, AuditMessage } from './protocol.ts'
import { refusalTally } from './refusal-tally.ts'

export interface AuditParts {
  readonly store: Store
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  /** Most entries that are kept; older entries are removed. Default: 100,000. */
  readonly auditKept?: number
  /** Hears of the bytes that each user has in the audit log. */
  readonly held?: Pick<Holdings, 'auditGrew'>
}

const key = 'audit'
const askedKey = 'audit-asked'
/** More entries than requests that may be under way at once, and the notes of their ends. */
const askedKept = 10_000
const refusalsKey = 'audit-refusals'
const refusalsKept = 1440

/**
 * Keeps three journals. The audit log has the changes that were made. The second journal notes each request for a
 * change when the request begins, and the number of that note when the request has ended: a refused request never gets
 * into the audit log, and a request that the server's end has cut off gets there at the next start. The third journal
 * counts refusals, those of some minutes in each entry.
 */
export function audit({ store, now, auditKept: kept = 100_000, held }: AuditParts): Behavior<AuditMessage> {
  return async (context) => {
    const refusals = refusalTally()
    // If the store can't be written now, the notes stay until the next start.
    await context.track(logCutOff().catch(() => {}))
    return (message) => {
      switch (message.type) {
        case 'note-asked':
          // Not awaited, so that the store writes the next entry together with this one.
          return void context.track(
            answer(message, () => appendWithin(askedKey, askedKept, { asked: { at: now(), ...message.entry } })),
          )
        case 'note-ends':
          return void context.track(answer(message, () => noteEnds(message.ends)))
        case 'read-audit':
          return void context.track(answer(message, () => readPage(store, key, auditEntry, message.page)))
        case 'count-refusals':
          return void answer(message, async () => {
            for (const refusal of message.counts) refusals.add(refusal)
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
        for (const refusal of counts) refusals.add(refusal)
        throw cause
      }
      return null
    }
  }

  async function noteEnds(ends: readonly AuditEnd[]): Promise<null> {
    const logged = ends.flatMap(({ entry }) => (entry ? [{ at: now(), ...entry }] : []))
    await Promise.all(logged.map(log))
    await appendWithin(askedKey, askedKept, { ended: ends.map(({ asked }) => asked) })
    return null
  }

  /** Logs the requests that have a note and no end: the server ended before they did. */
  async function logCutOff(): Promise<void> {
    const open = new Map<number, object>()
    for await (const { number, bytes } of store.read(askedKey)) {
      const { asked, ended }: { asked?: object; ended?: readonly number[] } = Object(decode(bytes))
      if (asked) open.set(number, asked)
      for (const one of ended ?? []) open.delete(one)
    }
    if (open.size === 0) return
    await Promise.all([...open.values()].map(log))
    await appendWithin(askedKey, askedKept, { ended: [...open.keys()] })
  }

  /** Appends an entry to the audit log, and counts the entry among the user's bytes. */
  async function log(entry: object): Promise<void> {
    const bytes = encode(entry)
    await append(key, kept, bytes, noteDropped)
    grew(entry, bytes.length)
  }

  function grew(entry: object, bytes: number): void {
    const { user }: { user?: unknown } = entry
    // Not awaited: the next entries needn't wait until the count is written.
    if (typeof user === 'string') held?.auditGrew(user, bytes).catch(() => {})
  }

  /** Takes the entries up to a number, which are about to be removed, off the users' bytes. */
  async function noteDropped(upTo: number): Promise<void> {
    if (!held) return
    for await (const { number, bytes } of store.read(key)) {
      if (number > upTo) return
      grew(Object(decode(bytes)), -bytes.length)
    }
  }

  function appendWithin(journal: string, most: number, entry: object): Promise<number> {
    return append(journal, most, encode(entry))
  }

  /** Appends an entry, and answers with its number. When there are more than `most`, the oldest are dropped, some at a time. */
  async function append(
    journal: string,
    most: number,
    bytes: Uint8Array,
    beforeDrop?: (upTo: number) => Promise<void>,
  ): Promise<number> {
    const number = await store.append(journal, bytes)
    const stride = Math.max(1, Math.floor(most / 10))
    if (number > most && number % stride === 0) {
      await beforeDrop?.(number - most)
      await store.truncate(journal, number - most)
    }
    return number
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
