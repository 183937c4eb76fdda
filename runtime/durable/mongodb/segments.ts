import type { Collection } from 'mongodb'
import type { MongodbAccess } from './access.ts'
import { isDuplicate } from './mongodb-errors.ts'
import { ownPrefix, padded, under } from './names.ts'
import type { Content } from './state-head.ts'

/** Entries that were moved out of a head, in a document of their own: `<life>.<number of the first>`. */
export interface Segment {
  readonly _id: string
  readonly key: string
  readonly from: number
  readonly to: number
  readonly entries: readonly Content[]
}

/** The older entries of journals. A segment may hold entries that its head, or another segment, has too. */
export class Segments {
  readonly #segments: Collection<Segment>

  constructor({ database }: MongodbAccess) {
    this.#segments = database.collection<Segment>(`${ownPrefix}segments`)
  }

  /** Writes the entries from this number on, unless a segment that begins there has more already. */
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

  /** Segments with entries of this number or later ones, in order. */
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
