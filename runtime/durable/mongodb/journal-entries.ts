import type { JournalEntry } from '../store.ts'
import type { Collection } from './bundled-driver.ts'
import type { MongodbConnection } from './connection.ts'
import { ownPrefix } from './connection.ts'
import { isDuplicate } from './driver.ts'
import { type Content, type Contents, type StateHead, stateHeads } from './key-state.ts'
import { padded, under } from './parts.ts'

/** Entries that were moved out of a head into a document. Its id is `<life>.<number of the first entry>`. */
export interface Segment {
  readonly _id: string
  readonly key: string
  readonly from: number
  readonly to: number
  readonly entries: readonly Content[]
}

/** Older entries of journals. The head, or another segment, may hold entries of a segment as well. */
export class Segments {
  readonly #segments: Collection<Segment>

  constructor({ database }: MongodbConnection) {
    this.#segments = database.collection<Segment>(`${ownPrefix}segments`)
  }

  /** Writes entries that begin with number `from`, unless the present segment with that beginning has more entries. */
  async put(life: string, key: string, from: number, entries: readonly Content[]): Promise<void> {
    const to = from + entries.length - 1
    try {
      await this.#segments.updateOne(
        { _id: `${life}.${padded(from)}`, to: { $lt: to } },
        { $set: { key, from, to, entries } },
        { upsert: true },
      )
    } catch (error) {
      if (!isDuplicate(error)) throw error
    }
  }

  /** Reads, in order, the segments that have the entry of this number or later entries. */
  read(life: string, number: number): AsyncIterable<Segment> {
    return this.#segments.find({ _id: under(life), to: { $gte: number } }, { sort: { _id: 1 } })
  }

  async removeUpTo(life: string, number: number): Promise<void> {
    await this.#segments.deleteMany({ _id: under(life), to: { $lte: number } })
  }

  async removeLife(life: string): Promise<void> {
    await this.#segments.deleteMany({ _id: under(life) })
  }
}

/** Limits of a head, beyond which its entries move to a segment. */
const mostEntries = 1000
const mostBytes = 64 * 1024

/** The end of a journal. */
export type JournalEnd = Pick<StateHead, 'life' | 'appended' | 'dropped' | 'spilled' | 'entriesBytes'>

const fields = { life: 1, appended: 1, dropped: 1, spilled: 1, entriesBytes: 1 }

/** Finds the ends of journals, and moves entries from a full head to a segment. */
export class JournalEnds {
  readonly heads: Collection<StateHead>
  readonly #segments: Segments

  constructor(connection: MongodbConnection, segments: Segments) {
    this.heads = stateHeads(connection)
    this.#segments = segments
  }

  find(key: string): Promise<(JournalEnd & Pick<StateHead, 'batches'>) | null> {
    return this.heads.findOne({ _id: key }, { projection: { ...fields, batches: 1 } })
  }

  isFull({ appended, dropped, spilled, entriesBytes }: JournalEnd): boolean {
    return entriesBytes > mostBytes || appended - Math.max(dropped, spilled) > mostEntries
  }

  /** Moves the entries of a head to a segment, unless another writer changes the head meanwhile. */
  async spill(key: string): Promise<void> {
    const head = await this.heads.findOne({ _id: key }, { projection: { ...fields, entries: 1 } })
    if (!head || head.entries.length === 0) return
    const { life, appended, spilled, entries } = head
    await this.#segments.put(life, key, appended - entries.length + 1, entries)
    await this.heads.updateOne(
      { _id: key, life, appended, spilled },
      { $set: { entries: [], entriesBytes: 0, spilled: appended } },
    )
  }
}

const mostReadings = 20

type Numbered = readonly [number: number, content: Content]

/** Reads journals from heads and segments. */
export class JournalReading {
  readonly #connection: MongodbConnection
  readonly #heads: Collection<StateHead>
  readonly #contents: Contents
  readonly #segments: Segments

  constructor(connection: MongodbConnection, contents: Contents, segments: Segments) {
    this.#connection = connection
    this.#heads = stateHeads(connection)
    this.#contents = contents
    this.#segments = segments
  }

  /** Reads the entries that a journal has at one instant, from number `from` on. */
  read(key: string, from: number): Promise<readonly JournalEntry[]> {
    return this.#connection.attempt(async () => {
      // Entries that another writer moves or truncates meanwhile are missing; the head, read again, says where the entries are.
      for (let reading = 0; reading < mostReadings; reading++) {
        const head = await this.#heads.findOne(
          { _id: key },
          { projection: { life: 1, appended: 1, dropped: 1, entries: 1 } },
        )
        if (!head) return []
        const found = await this.#collect(head, Math.max(from, head.dropped + 1))
        const entries = found && (await this.#open(found))
        if (entries) return entries
      }
      throw this.#connection.damaged(`entries of the journal ${key} are missing`)
    })
  }

  async #collect(
    { life, appended, entries }: Pick<StateHead, 'life' | 'appended' | 'entries'>,
    first: number,
  ): Promise<readonly Numbered[] | undefined> {
    const headFrom = appended - entries.length + 1
    const found: Numbered[] = []
    let next = first
    const take = (from: number, some: readonly Content[], before: number) => {
      for (const [index, content] of some.entries()) {
        if (from + index !== next || next >= before) continue
        found.push([next, content])
        next += 1
      }
    }
    if (first < headFrom) {
      for await (const segment of this.#segments.read(life, first)) take(segment.from, segment.entries, headFrom)
      if (next < headFrom) return undefined
    }
    take(headFrom, entries, appended + 1)
    return found
  }

  async #open(found: readonly Numbered[]): Promise<readonly JournalEntry[] | undefined> {
    const entries: JournalEntry[] = []
    for (const [number, content] of found) {
      const bytes = await this.#contents.read(content)
      if (!bytes) return undefined
      entries.push({ number, bytes })
    }
    return entries
  }
}
