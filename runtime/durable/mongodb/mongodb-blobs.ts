import { type Collection, ObjectId } from 'mongodb'
import { rechunked } from '../blob-chunks.ts'
import { storeError } from '../errors.ts'
import type { MongodbAccess } from './access.ts'
import { isCreated } from './mongodb-errors.ts'
import { ownPrefix } from './names.ts'
import { type Part, type PartHolder, Parts } from './parts.ts'

interface BlobHead extends PartHolder {
  readonly life: string
  /** Absent: there is none, though one may be being written. */
  readonly blob?: Part
}

const name = `${ownPrefix}blobs`
const mostReadings = 20

/** Blobs, each a part of chunks and a document that points to it. */
export class MongodbBlobs {
  readonly #access: MongodbAccess
  readonly #heads: Collection<BlobHead>
  readonly #parts: Parts

  constructor(access: MongodbAccess) {
    this.#access = access
    this.#heads = access.database.collection<BlobHead>(name)
    this.#parts = new Parts(access, name)
  }

  async put(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    this.#access.check(key)
    const part = await this.#announce(key)
    try {
      const written = await this.#parts.write(key, part, this.#whileOpen(rechunked(source)))
      this.#access.check()
      await this.#access.track(this.#point(key, written))
    } catch (error) {
      // What can't be taken away now, because the store is closed or the server gone, is when the key is written next.
      await this.#parts.discard(key, part).catch(() => {})
      throw error
    }
  }

  /** Read whole before the first chunk is given, since a replacement takes the old chunks away. */
  async get(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.#access.check(key)
    return this.#access.attempt(async () => {
      for (let reading = 0; reading < mostReadings; reading++) {
        const blob = (await this.#heads.findOne({ _id: key }))?.blob
        if (!blob) return undefined
        const chunks = await this.#parts.read(blob)
        if (chunks) return given(chunks)
      }
      throw this.#access.damaged(`chunks of the blob ${key} are missing`)
    })
  }

  async remove(key: string): Promise<void> {
    this.#access.check(key)
    await this.#access.track(this.#remove(key))
  }

  async #announce(key: string): Promise<string> {
    for (;;) {
      const head = await this.#access.attempt(() => this.#heads.findOne({ _id: key }))
      const life = head?.life ?? new ObjectId().toHexString()
      if (!head) await this.#access.attempt(() => isCreated(this.#heads.insertOne({ _id: key, life, parts: {} })))
      const part = await this.#parts.announce({ _id: key, life })
      if (part !== undefined) return part
    }
  }

  async #point(key: string, blob: Part): Promise<void> {
    const { part } = blob
    const head = await this.#access.attempt(async (uncertain) => {
      const updated = await this.#heads.findOneAndUpdate(
        { _id: key, ...this.#parts.stillWriting(part) },
        { $set: { blob, [`parts.${part}`]: { blob: true } } },
        { returnDocument: 'after' },
      )
      if (updated || !uncertain) return updated
      // Once whole, it's named until another has taken its place and the part away.
      const present = await this.#heads.findOne({ _id: key })
      if (!present?.parts[part]?.blob) throw this.#access.unknown(key)
      return present
    })
    if (!head) throw storeError('STORE_ABANDONED', { key })
    await this.#clean(head)
  }

  async #remove(key: string): Promise<void> {
    const present = await this.#access.attempt(() => this.#heads.findOne({ _id: key }))
    if (!present) return
    // This blob and no later one, however late the request arrives.
    const removed = await this.#access.attempt(() =>
      this.#heads.findOneAndUpdate(
        { _id: key, 'blob.part': present.blob?.part ?? '' },
        { $unset: { blob: '' } },
        { returnDocument: 'after' },
      ),
    )
    const head = removed ?? (await this.#access.attempt(() => this.#heads.findOne({ _id: key })))
    if (!head) return
    await this.#clean(head)
    await this.#access.attempt(() =>
      this.#heads.deleteOne({ _id: key, life: head.life, blob: { $exists: false }, parts: {} }),
    )
  }

  /** What can't be taken away now is when the key is written next: the blob is as it should be. */
  async #clean(head: BlobHead): Promise<void> {
    await this.#parts.clean(head, (part) => part !== head.blob?.part).catch(() => {})
  }

  async *#whileOpen(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#access.check()
      yield chunk
    }
  }
}

async function* given(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
