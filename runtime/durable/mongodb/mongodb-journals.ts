import type { JournalEntry } from '../store.ts'
import type { MongodbAccess } from './access.ts'
import { AppendBatch } from './append-batch.ts'
import type { Append } from './append-plan.ts'
import type { Contents } from './contents.ts'
import { type JournalEnd, JournalEnds } from './journal-end.ts'
import { JournalReading } from './journal-reading.ts'
import { KeyQueues } from './key-queue.ts'
import { Segments } from './segments.ts'
import type { StateHead } from './state-head.ts'

/** Journals whose end is remembered between appends. */
const mostRemembered = 10_000

/** Journals: the youngest entries in the documents of their keys, the older ones in segments. */
export class MongodbJournals {
  readonly #access: MongodbAccess
  readonly #contents: Contents
  readonly #segments: Segments
  readonly #ends: JournalEnds
  readonly #reading: JournalReading
  readonly #queues = new KeyQueues((key, appends) => this.#append(key, appends))
  /** As the last write left them. Another client may have written since: the next write finds out. */
  readonly #remembered = new Map<string, JournalEnd>()

  constructor(access: MongodbAccess, contents: Contents, segments: Segments) {
    this.#access = access
    this.#contents = contents
    this.#segments = segments
    this.#ends = new JournalEnds(access, segments)
    this.#reading = new JournalReading(access, contents, segments)
  }

  append(key: string, bytes: Uint8Array, expected: number | undefined): Promise<number> {
    return this.#queues.append(key, bytes, expected)
  }

  read(key: string, from: number): Promise<readonly JournalEntry[]> {
    return this.#reading.read(key, from)
  }

  truncate(key: string, upTo: number): Promise<void> {
    return this.#queues.run(key, () => this.#truncate(key, upTo))
  }

  /** Does some work on a key once its appends are written, after which nothing is known of its journal. */
  exclusively(key: string, work: () => Promise<void>): Promise<void> {
    return this.#queues.run(key, () => {
      this.#remembered.delete(key)
      return work()
    })
  }

  async #append(key: string, appends: readonly Append[]): Promise<void> {
    const batch = new AppendBatch({ access: this.#access, contents: this.#contents, ends: this.#ends }, key, appends)
    const remembered = this.#remembered.get(key)
    this.#remembered.delete(key)
    const { plan, end } = await this.#access.attempt(() => batch.write(remembered))
    if (end) this.#remember(key, end)
    await batch.discard(plan)
    plan.settle()
  }

  async #truncate(key: string, upTo: number): Promise<void> {
    const truncated = await this.#access.attempt(() => this.#drop(key, upTo))
    if (!truncated) return
    const { life, dropped, spilled } = truncated
    if (spilled > 0) await this.#access.attempt(() => this.#segments.removeUpTo(life, dropped))
    await this.#contents.clean(truncated)
    this.#remember(key, truncated)
  }

  async #drop(key: string, upTo: number): Promise<StateHead | null> {
    for (;;) {
      const end = await this.#ends.find(key)
      if (!end) return null
      const { life, appended, spilled } = end
      const dropped = Math.max(end.dropped, Math.min(upTo, appended))
      const kept = appended - Math.max(dropped, spilled)
      const head = await this.#ends.heads.findOneAndUpdate(
        { _id: key, life, appended, spilled, dropped: end.dropped },
        {
          $set: { dropped, ...(kept === 0 ? { entriesBytes: 0 } : {}) },
          // The last ones of the list stay.
          $push: { entries: { $each: [], $slice: kept === 0 ? 0 : -kept } },
        },
        { returnDocument: 'after', projection: { entries: 0, snapshot: 0, batches: 0 } },
      )
      if (head) return head
    }
  }

  #remember(key: string, { life, appended, dropped, spilled, entriesBytes }: JournalEnd): void {
    this.#remembered.delete(key)
    this.#remembered.set(key, { life, appended, dropped, spilled, entriesBytes })
    const [oldest] = this.#remembered.keys()
    if (oldest !== undefined && this.#remembered.size > mostRemembered) this.#remembered.delete(oldest)
  }
}
