import type { Collection } from 'mongodb'
import type { JournalEntry } from '../store.ts'
import type { MongodbAccess } from './access.ts'
import type { Contents } from './contents.ts'
import type { Segments } from './segments.ts'
import { type Content, type StateHead, stateHeads } from './state-head.ts'

const mostReadings = 20

type Numbered = readonly [number: number, content: Content]

/** Reads journals out of heads and segments. */
export class JournalReading {
  readonly #access: MongodbAccess
  readonly #heads: Collection<StateHead>
  readonly #contents: Contents
  readonly #segments: Segments

  constructor(access: MongodbAccess, contents: Contents, segments: Segments) {
    this.#access = access
    this.#heads = stateHeads(access)
    this.#contents = contents
    this.#segments = segments
  }

  /** The entries that a journal has at one instant, from this number on. */
  read(key: string, from: number): Promise<readonly JournalEntry[]> {
    return this.#access.attempt(async () => {
      // What others move or truncate meanwhile is missing: then the head says where it's now.
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
      throw this.#access.damaged(`entries of the journal ${key} are missing`)
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
