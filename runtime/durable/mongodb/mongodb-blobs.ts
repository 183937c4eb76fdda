import { storeError } from '../errors.ts'
import { rechunked } from '../store-rules.ts'
import { type Collection, ObjectId } from './bundled-driver.ts'
import type { MongodbConnection } from './connection.ts'
import { ownPrefix } from './connection.ts'
import { isCreated } from './driver.ts'
import { type Part, type PartHolder, Parts } from './parts.ts'

interface BlobHead extends PartHolder {
  readonly life: string
  /** Absent: the key has no blob; a first blob may be being written. */
  readonly blob?: Part
}

const name = `${ownPrefix}blobs`
const mostReadings = 20

/** Blobs: each is a part of chunks, and a document that points to the part. */
export class MongodbBlobs {
  readonly #connection: MongodbConnection
  readonly #heads: Collection<BlobHead>
  readonly #parts: Parts

  constructor(connection: MongodbConnection) {
    this.#connection = connection
    this.#heads = connection.database.collection<BlobHead>(name)
    this.#parts = new Parts(connection, name)
  }

  async put(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    this.#connection.check(key)
    const part = await this.#announce(key)
    try {
      const written = await this.#parts.write(key, part, this.#whileOpen(rechunked(source)))
      this.#connection.check()
      await this.#connection.track(this.#point(key, written))
    } catch (error) {
      // If the store is closed or the server lost, the next write of the key removes the chunks.
      await this.#parts.discard(key, part).catch(() => {})
      throw error
    }
  }

  /** Reads the whole blob before the first chunk is given, since a replacement removes the old chunks. */
  async get(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.#connection.check(key)
    return this.#connection.attempt(async () => {
      for (let reading = 0; reading < mostReadings; reading++) {
        const blob = (await this.#heads.findOne({ _id: key }))?.blob
        if (!blob) return undefined
        const chunks = await this.#parts.read(blob)
        if (chunks) return given(chunks)
      }
      throw this.#connection.damaged(`chunks of the blob ${key} are missing`)
    })
  }

  async remove(key: string): Promise<void> {
    this.#connection.check(key)
    await this.#connection.track(this.#remove(key))
  }

  async #announce(key: string): Promise<string> {
    for (;;) {
      const head = await this.#connection.attempt(() => this.#heads.findOne({ _id: key }))
      const life = head?.life ?? new ObjectId().toHexString()
      if (!head) await this.#connection.attempt(() => isCreated(this.#heads.insertOne({ _id: key, life, parts: {} })))
      const part = await this.#parts.announce({ _id: key, life })
      if (part !== undefined) return part
    }
  }

  async #point(key: string, blob: Part): Promise<void> {
    const { part } = blob
    const head = await this.#connection.attempt(async (uncertain) => {
      const updated = await this.#heads.findOneAndUpdate(
        { _id: key, ...this.#parts.stillWriting(part) },
        { $set: { blob, [`parts.${part}`]: { blob: true } } },
        { returnDocument: 'after' },
      )
      if (updated || !uncertain) return updated
      // A whole part is named until a later blob has replaced and removed the part.
      const present = await this.#heads.findOne({ _id: key })
      if (!present?.parts[part]?.blob) throw this.#connection.unknown(key)
      return present
    })
    if (!head) throw storeError('STORE_ABANDONED', { key })
    await this.#clean(head)
  }

  async #remove(key: string): Promise<void> {
    const present = await this.#connection.attempt(() => this.#heads.findOne({ _id: key }))
    if (!present) return
    // The condition spares a later blob, however late the request arrives.
    const removed = await this.#connection.attempt(() =>
      this.#heads.findOneAndUpdate(
        { _id: key, 'blob.part': present.blob?.part ?? '' },
        { $unset: { blob: '' } },
        { returnDocument: 'after' },
      ),
    )
    const head = removed ?? (await this.#connection.attempt(() => this.#heads.findOne({ _id: key })))
    if (!head) return
    await this.#clean(head)
    await this.#connection.attempt(() =>
      this.#heads.deleteOne({ _id: key, life: head.life, blob: { $exists: false }, parts: {} }),
    )
  }

  /** Removes garbage. Failure is harmless: the blob is whole, and the next write of the key tries again. */
  async #clean(head: BlobHead): Promise<void> {
    await this.#parts.clean(head, (part) => part !== head.blob?.part).catch(() => {})
  }

  async *#whileOpen(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#connection.check()
      yield chunk
    }
  }
}

async function* given(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
