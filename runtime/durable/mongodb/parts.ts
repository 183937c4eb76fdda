import { storeError } from '../errors.ts'
import { Binary, type Collection, type Filter, ObjectId } from './bundled-driver.ts'
import type { MongodbConnection } from './connection.ts'
import { ownPrefix } from './connection.ts'
import { insertMany } from './driver.ts'

/** A document that may keep contents in chunks. The document names every part that has chunks, so that abandoned chunks are found. */
export interface PartHolder {
  readonly _id: string
  readonly life?: string
  readonly version?: number
  readonly parts: Readonly<Record<string, PartState>>
}

/** State of a part: being written, given up, or the contents of the snapshot or entry with this number, or of a blob. */
export interface PartState {
  readonly writingSince?: Date
  readonly abandoned?: true
  readonly snapshot?: number
  readonly entry?: number
  readonly blob?: true
}

/** Contents in chunks: name of the part, and size in bytes. */
export interface Part {
  readonly part: string
  readonly size: number
}

interface Chunk {
  /** `<part>.<number>` */
  readonly _id: string
  readonly data: Binary
}

/** Numbers as parts of ids, of equal length, so that ids sort as the numbers do. */
export function padded(number: number): string {
  return String(number).padStart(16, '0')
}

/** Makes the condition that an id begins with the prefix and a dot. */
export function under(prefix: string): { readonly $gte: string; readonly $lt: string } {
  // The slash follows the dot.
  return { $gte: `${prefix}.`, $lt: `${prefix}/` }
}

const chunkBytes = 256 * 1024
/** Chunks in one request. */
const together = 8
/** Age of a writer's last sign of life after which the part counts as abandoned; a living writer gives a sign more often. */
const abandonedAfterMs = 60 * 60 * 1000
const signAfterMs = 10 * 60 * 1000

/** Contents too large for a document, in chunks. Chunks are written first, and count once a document points to their part. */
export class Parts {
  readonly #connection: MongodbConnection
  readonly #holders: Collection<PartHolder>
  readonly #chunks: Collection<Chunk>

  constructor(connection: MongodbConnection, holders: string) {
    this.#connection = connection
    this.#holders = connection.database.collection<PartHolder>(holders)
    this.#chunks = connection.database.collection<Chunk>(`${ownPrefix}chunks`)
  }

  /** Notes in the holder that a part is being written; returns the part's name, or undefined if no holder fulfils the condition. */
  async announce(where: Filter<PartHolder> & { readonly life: string }): Promise<string | undefined> {
    const part = `${where.life}-${new ObjectId().toHexString()}`
    const { matchedCount } = await this.#connection.attempt(() =>
      this.#holders.updateOne(where, { $set: { [`parts.${part}`]: { writingSince: new Date() } } }),
    )
    return matchedCount === 0 ? undefined : part
  }

  /** Writes an announced part. The part counts once its holder points to the part. STORE_ABANDONED if another writer gave the part up. */
  async write(key: string, part: string, chunks: AsyncIterable<Uint8Array>): Promise<Part> {
    let size = 0
    let count = 0
    let signAt = Date.now()
    let waiting: Chunk[] = []
    const flush = async () => {
      const written = waiting
      waiting = []
      // No other call writes this part: present chunks are of an earlier attempt.
      await this.#connection.attempt(() =>
        insertMany(this.#connection.database, this.#chunks.collectionName, written, { ordered: false }),
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

  /** Reads a part's chunks; undefined if chunks are gone, because the contents were replaced meanwhile. */
  async read({ part, size }: Part): Promise<Uint8Array[] | undefined> {
    const found = await this.#chunks.find({ _id: under(part) }, { sort: { _id: 1 } }).toArray()
    const bytes = found.map(({ data }) => data.value())
    const whole =
      found.length === Math.ceil(size / chunkBytes) && bytes.reduce((sum, { length }) => sum + length, 0) === size
    return whole ? bytes : undefined
  }

  /** Removes the chunks of an announced part that no document will point to. */
  async discard(key: string, part: string): Promise<void> {
    await this.#connection.attempt(() => this.#remove(key, [part]))
  }

  /** Removes a holder's garbage: parts that were given up, and whole parts for which `isGarbage` holds. */
  async clean(holder: PartHolder, isGarbage: (part: string, state: PartState) => boolean): Promise<void> {
    const garbage: string[] = []
    for (const [part, state] of Object.entries(holder.parts)) {
      const { writingSince } = state
      if (writingSince === undefined) {
        if (state.abandoned || isGarbage(part, state)) garbage.push(part)
      } else if (Date.now() - writingSince.getTime() > abandonedAfterMs) {
        // From here on the part's writer, if it lives, can't make a document point to the part.
        const { matchedCount } = await this.#connection.attempt(() =>
          this.#holders.updateOne(
            { _id: holder._id, [`parts.${part}.writingSince`]: writingSince },
            { $set: { [`parts.${part}`]: { abandoned: true } } },
          ),
        )
        if (matchedCount > 0) garbage.push(part)
      }
    }
    if (garbage.length > 0) await this.#connection.attempt(() => this.#remove(holder._id, garbage))
  }

  /** Removes all parts of a holder's life. */
  async removeLife(life: string): Promise<void> {
    await this.#connection.attempt(() => this.#chunks.deleteMany({ _id: { $gte: `${life}-`, $lt: `${life}.` } }))
  }

  /** Makes the condition on the holder that the part is still being written. */
  stillWriting(part: string): Readonly<Record<string, { readonly $exists: true }>> {
    return { [`parts.${part}.writingSince`]: { $exists: true } }
  }

  async #giveSign(key: string, part: string): Promise<void> {
    const { matchedCount } = await this.#connection.attempt(() =>
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
