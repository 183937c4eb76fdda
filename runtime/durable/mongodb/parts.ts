import { Binary, type Collection, type Filter, ObjectId } from 'mongodb'
import { storeError } from '../errors.ts'
import type { MongodbAccess } from './access.ts'
import { insertMany } from './insert-many.ts'
import { ownPrefix, padded, under } from './names.ts'

/** A document whose contents may be in chunks. It names every part that has some, so that what is left behind is found. */
export interface PartHolder {
  readonly _id: string
  readonly life?: string
  readonly version?: number
  readonly parts: Readonly<Record<string, PartState>>
}

/** What a part is: being written, given up, or the contents of the snapshot or entry of this number, or of a blob. */
export interface PartState {
  readonly writingSince?: Date
  readonly abandoned?: true
  readonly snapshot?: number
  readonly entry?: number
  readonly blob?: true
}

/** Contents in chunks. */
export interface Part {
  readonly part: string
  readonly size: number
}

interface Chunk {
  /** `<part>.<number>` */
  readonly _id: string
  readonly data: Binary
}

const chunkBytes = 256 * 1024
/** Chunks that are written with one request. */
const together = 8
/** A part without a sign of life for so long is taken for dead; a living writer gives one more often. */
const abandonedAfterMs = 60 * 60 * 1000
const signAfterMs = 10 * 60 * 1000

/** Contents too large for a document, in chunks that are written first, and count once a document points to their part. */
export class Parts {
  readonly #access: MongodbAccess
  readonly #holders: Collection<PartHolder>
  readonly #chunks: Collection<Chunk>

  constructor(access: MongodbAccess, holders: string) {
    this.#access = access
    this.#holders = access.database.collection<PartHolder>(holders)
    this.#chunks = access.database.collection<Chunk>(`${ownPrefix}chunks`)
  }

  /** Notes in the holder that a part is being written; undefined if there is no such holder. */
  async announce(where: Filter<PartHolder> & { readonly life: string }): Promise<string | undefined> {
    const part = `${where.life}-${new ObjectId().toHexString()}`
    const { matchedCount } = await this.#access.attempt(() =>
      this.#holders.updateOne(where, { $set: { [`parts.${part}`]: { writingSince: new Date() } } }),
    )
    return matchedCount === 0 ? undefined : part
  }

  /** Writes an announced part; it counts once its holder points to it. STORE_ABANDONED if others have given it up. */
  async write(key: string, part: string, chunks: AsyncIterable<Uint8Array>): Promise<Part> {
    let size = 0
    let count = 0
    let signAt = Date.now()
    let waiting: Chunk[] = []
    const flush = async () => {
      const written = waiting
      waiting = []
      // Nobody else writes this part: chunks that are there are of an earlier attempt.
      await this.#access.attempt(() =>
        insertMany(this.#access.database, this.#chunks.collectionName, written, { ordered: false }),
      )
      if (Date.now() - signAt < signAfterMs) return
      signAt = Date.now()
      await this.#giveSign(key, part)
    }
    for await (const chunk of chunks) {
      size += chunk.length
      waiting.push({ _id: `${part}.${padded(count++)}`, data: new Binary(chunk) })
      if (waiting.length === together) await flush()
    }
    if (waiting.length > 0) await flush()
    return { part, size }
  }

  /** A part's chunks; undefined if some are gone, since what held them has been replaced. */
  async read({ part, size }: Part): Promise<Uint8Array[] | undefined> {
    const found = await this.#chunks.find({ _id: under(part) }, { sort: { _id: 1 } }).toArray()
    const bytes = found.map(({ data }) => data.value())
    const whole =
      found.length === Math.ceil(size / chunkBytes) && bytes.reduce((sum, { length }) => sum + length, 0) === size
    return whole ? bytes : undefined
  }

  /** Takes away what was written of an announced part that nothing will point to. */
  async discard(key: string, part: string): Promise<void> {
    await this.#access.attempt(() => this.#remove(key, [part]))
  }

  /** Takes away the parts of a holder that are garbage: given up, or written whole and the contents of nothing any more. */
  async clean(holder: PartHolder, isGarbage: (part: string, state: PartState) => boolean): Promise<void> {
    const garbage: string[] = []
    for (const [part, state] of Object.entries(holder.parts)) {
      const { writingSince } = state
      if (writingSince === undefined) {
        if (state.abandoned || isGarbage(part, state)) garbage.push(part)
      } else if (Date.now() - writingSince.getTime() > abandonedAfterMs) {
        // From here on its writer, should it live, can't make anything point to it.
        const { matchedCount } = await this.#access.attempt(() =>
          this.#holders.updateOne(
            { _id: holder._id, [`parts.${part}.writingSince`]: writingSince },
            { $set: { [`parts.${part}`]: { abandoned: true } } },
          ),
        )
        if (matchedCount > 0) garbage.push(part)
      }
    }
    if (garbage.length > 0) await this.#access.attempt(() => this.#remove(holder._id, garbage))
  }

  /** Takes away all parts of a holder's life. */
  async removeLife(life: string): Promise<void> {
    await this.#access.attempt(() => this.#chunks.deleteMany({ _id: { $gte: `${life}-`, $lt: `${life}.` } }))
  }

  /** A condition on the holder that the part is still being written. */
  stillWriting(part: string): Readonly<Record<string, { readonly $exists: true }>> {
    return { [`parts.${part}.writingSince`]: { $exists: true } }
  }

  async #giveSign(key: string, part: string): Promise<void> {
    const { matchedCount } = await this.#access.attempt(() =>
      this.#holders.updateOne(
        { _id: key, ...this.stillWriting(part) },
        { $set: { [`parts.${part}.writingSince`]: new Date() } },
      ),
    )
    if (matchedCount === 0) throw storeError('STORE_ABANDONED', { key })
  }

  async #remove(key: string, parts: readonly string[]): Promise<void> {
    for (const part of parts) await this.#chunks.deleteMany({ _id: under(part) })
    await this.#holders.updateOne(
      { _id: key },
      { $unset: Object.fromEntries(parts.map((part) => [`parts.${part}`, ''])) },
    )
  }
}
