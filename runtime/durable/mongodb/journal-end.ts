import type { Collection } from 'mongodb'
import type { MongodbAccess } from './access.ts'
import type { Segments } from './segments.ts'
import { type StateHead, stateHeads } from './state-head.ts'

/** Entries in a head, before they are moved to a segment. */
const mostEntries = 1000
const mostBytes = 64 * 1024

/** Where a journal ends. */
export type JournalEnd = Pick<StateHead, 'life' | 'appended' | 'dropped' | 'spilled' | 'entriesBytes'>

const fields = { life: 1, appended: 1, dropped: 1, spilled: 1, entriesBytes: 1 }

/** The ends of journals, in their heads. */
export class JournalEnds {
  readonly heads: Collection<StateHead>
  readonly #segments: Segments

  constructor(access: MongodbAccess, segments: Segments) {
    this.heads = stateHeads(access)
    this.#segments = segments
  }

  find(key: string): Promise<(JournalEnd & Pick<StateHead, 'batches'>) | null> {
    return this.heads.findOne({ _id: key }, { projection: { ...fields, batches: 1 } })
  }

  isFull({ appended, dropped, spilled, entriesBytes }: JournalEnd): boolean {
    return entriesBytes > mostBytes || appended - Math.max(dropped, spilled) > mostEntries
  }

  /** Moves the entries of a head to a segment, unless others change the head meanwhile. */
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
