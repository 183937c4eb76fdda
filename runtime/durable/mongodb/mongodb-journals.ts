import type { JournalEntry } from '../store.ts'
import type { MongodbConnection } from './connection.ts'
import { type Append, AppendBatch, KeyQueues } from './journal-appends.ts'
import { type JournalEnd, JournalEnds, JournalReading, Segments } from './journal-entries.ts'
import type { Contents, StateHead } from './key-state.ts'

/** Most journals whose end is remembered between appends. */
const mostRemembered = 10_000

/** Journals: the youngest entries are in the heads of their keys, older entries in segments. */
export class MongodbJournals {
  readonly #connection: MongodbConnection
  readonly #contents: Contents
  readonly #segments: Segments
  readonly #ends: JournalEnds
  readonly #reading: JournalReading
  readonly #queues = new KeyQueues((key, appends) => this.#append(key, appends))
  /** Ends as the last write left them. Another client may have written since: the next write finds out. */
  readonly #remembered = new Map<string, JournalEnd>()

  constructor(connection: MongodbConnection, contents: Contents, segments: Segments) {
    this.#connection = connection
    this.#contents = contents
    this.#segments = segments
    this.#ends = new JournalEnds(connection, segments)
    this.#reading = new JournalReading(connection, contents, segments)
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

  /** Does work on a key after the key's waiting appends, and forgets the journal's end. */
  exclusively(key: string, work: () => Promise<void>): Promise<void> {
    return this.#queues.run(key, () => {
      this.#remembered.delete(key)
      return work()
    })
  }

  async #append(key: string, appends: readonly Append[]): Promise<void> {
    const batch = new AppendBatch(
      { connection: this.#connection, contents: this.#contents, ends: this.#ends },
      key,
      appends,
    )
    const remembered = this.#remembered.get(key)
    this.#remembered.delete(key)
    const { plan, end } = await this.#connection.attempt(() => batch.write(remembered))
    if (end) this.#remember(key, end)
    await batch.discard(plan)
    plan.settle()
  }

  async #truncate(key: string, upTo: number): Promise<void> {
    const truncated = await this.#connection.attempt(() => this.#drop(key, upTo))
    if (!truncated) return
    const { life, dropped, spilled } = truncated
    if (spilled > 0) await this.#connection.attempt(() => this.#segments.removeUpTo(life, dropped))
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
          // A negative slice keeps the last entries of the list.
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
