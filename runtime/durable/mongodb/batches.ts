import { setTimeout } from 'node:timers/promises'
import { type Collection, ObjectId } from 'mongodb'
import type { MongodbAccess } from './access.ts'
import { ownPrefix } from './names.ts'

interface Batch {
  readonly _id: ObjectId
  /** Names of the collections in the database. */
  readonly collections?: readonly string[]
  /** That of the only one, as it was written once. */
  readonly collection?: string
  readonly state: 'open' | 'committed' | 'aborted'
  readonly since: Date
}

/** Documents that are inserted together carry the number of their batch until it's committed. */
export interface BatchMember {
  readonly _id: string
  readonly _version: number
  /** Token of the call that wrote it. */
  readonly _write: ObjectId
  readonly _batch?: ObjectId
}

/** How long an open batch may hold up another insertion of one of its ids. */
const patienceMs = 3000
const lookAgainMs = 20
/** Committed batches whose members still carry their number. */
const mostFinishing = 32
/** A batch that began so long ago was cut off. */
const cutOffAfterMs = 10 * 60 * 1000

/**
 * Insertions of several documents, all or none, without transactions: the documents are there for others from the instant in
 * which one document, that of the batch, becomes committed.
 */
export class Batches {
  readonly #access: MongodbAccess
  readonly #batches: Collection<Batch>
  readonly #finishing = new Set<Promise<void>>()

  constructor(access: MongodbAccess) {
    this.#access = access
    this.#batches = access.database.collection<Batch>(`${ownPrefix}batches`)
  }

  async open(_id: ObjectId, collections: readonly string[]): Promise<void> {
    const batch: Batch = { _id, collections, state: 'open', since: new Date() }
    await this.#access.attempt(() => this.#batches.updateOne({ _id }, { $setOnInsert: batch }, { upsert: true }))
  }

  /** False if others have given it up. */
  commit(_id: ObjectId): Promise<boolean> {
    return this.#access.attempt(async (uncertain) => {
      const { matchedCount } = await this.#batches.updateOne({ _id, state: 'open' }, { $set: { state: 'committed' } })
      return matchedCount > 0 || (uncertain && (await this.#batches.findOne({ _id }))?.state === 'committed')
    })
  }

  /** Waits for what follows a commit only if much of it is waited for already. */
  async finishLater(finishing: Promise<void>): Promise<void> {
    const finished = finishing.then(() => void this.#finishing.delete(finished))
    this.#finishing.add(finished)
    if (this.#finishing.size > mostFinishing) await Promise.race(this.#finishing)
  }

  async forget(_id: ObjectId): Promise<void> {
    await this.#access.attempt(() => this.#batches.deleteOne({ _id }))
  }

  /** What `find` gives, unless that belongs to a batch that isn't committed. `found` is what it gave a moment ago. */
  async visible<Member extends BatchMember>(
    find: () => Promise<Member | null>,
    found?: Member,
  ): Promise<Member | null> {
    const member = found ?? (await find())
    if (!member?._batch) return member
    const batch = await this.#batches.findOne({ _id: member._batch })
    if (batch) return batch.state === 'committed' ? member : null
    // Its batch is forgotten, so by now it has no number any more, or is left over from one that was given up.
    const again = await find()
    if (again?._batch && !again._batch.equals(member._batch)) return this.visible(find)
    return again?._batch ? null : again
  }

  /** Waits while a batch is open, and gives it up if that takes too long: whoever inserts it may have been killed. */
  async settle(_id: ObjectId): Promise<void> {
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookAgainMs) {
      if ((await this.#batches.findOne({ _id }))?.state !== 'open') return
      await setTimeout(lookAgainMs)
    }
    await this.#batches.updateOne({ _id, state: 'open' }, { $set: { state: 'aborted' } })
  }

  /** Finishes batches that were cut off. */
  async sweep(): Promise<void> {
    const before = new Date(Date.now() - cutOffAfterMs)
    for (const batch of await this.#batches.find({ since: { $lt: before } }).toArray()) {
      const { _id, collection, collections = [collection ?? ''] } = batch
      await this.#batches.updateOne({ _id, state: 'open' }, { $set: { state: 'aborted' } })
      const isCommitted = (await this.#batches.findOne({ _id }))?.state === 'committed'
      for (const name of collections) {
        const members = this.#access.database.collection<BatchMember>(name)
        if (isCommitted) await members.updateMany({ _batch: _id }, { $unset: { _batch: '' } })
        else await members.deleteMany({ _batch: _id })
      }
      await this.#batches.deleteOne({ _id })
    }
  }
}
