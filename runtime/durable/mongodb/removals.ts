import type { Collection } from 'mongodb'
import type { MongodbAccess } from './access.ts'
import type { Contents } from './contents.ts'
import { isCreated } from './mongodb-errors.ts'
import { ownPrefix } from './names.ts'
import type { Segments } from './segments.ts'
import { type StateHead, stateHeads } from './state-head.ts'

interface Removal {
  /** The life that is removed. */
  readonly _id: string
  readonly key: string
  readonly since: Date
}

/** A removal that began so long ago was cut off. */
const cutOffAfterMs = 10 * 60 * 1000

/**
 * Takes keys away. Snapshot and journal go with one document, in an instant; what lies elsewhere follows. A note of the removal
 * is there from before the first until after the last, so that what a killed process leaves is taken away later.
 */
export class Removals {
  readonly #access: MongodbAccess
  readonly #contents: Contents
  readonly #segments: Segments
  readonly #heads: Collection<StateHead>
  readonly #removals: Collection<Removal>

  constructor(access: MongodbAccess, contents: Contents, segments: Segments) {
    this.#access = access
    this.#contents = contents
    this.#segments = segments
    this.#heads = stateHeads(access)
    this.#removals = access.database.collection<Removal>(`${ownPrefix}removals`)
  }

  async remove(key: string): Promise<void> {
    const head = await this.#access.attempt(() => this.#heads.findOne({ _id: key }, { projection: { life: 1 } }))
    if (!head) return
    const { life } = head
    await this.#access.attempt(() => isCreated(this.#removals.insertOne({ _id: life, key, since: new Date() })))
    await this.#access.attempt(() => this.#heads.deleteOne({ _id: key, life }))
    // The key is removed, whether or not this can be done now.
    await this.#finish(life).catch(() => {})
  }

  /** Finishes the removals that were cut off. */
  async sweep(): Promise<void> {
    const before = new Date(Date.now() - cutOffAfterMs)
    const found = await this.#access.attempt(() => this.#removals.find({ since: { $lt: before } }).toArray())
    for (const { _id: life, key } of found) {
      const present = await this.#access.attempt(() => this.#heads.findOne({ _id: key, life }))
      // Cut off before the key was removed, which nobody was told.
      if (present) await this.#access.attempt(() => this.#removals.deleteOne({ _id: life }))
      else await this.#finish(life)
    }
  }

  async #finish(life: string): Promise<void> {
    await this.#access.attempt(() => this.#segments.removeLife(life))
    await this.#contents.parts.removeLife(life)
    await this.#access.attempt(() => this.#removals.deleteOne({ _id: life }))
  }
}
