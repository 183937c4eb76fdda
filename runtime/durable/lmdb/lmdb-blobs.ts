import { rechunked } from '../store-rules.ts'
import { below, type LmdbAccess, seal } from './database.ts'

/** Blobs: each is a row of chunks under a part of its own, and an entry that names the part. */
export class LmdbBlobs {
  readonly #access: LmdbAccess
  /** Parts that are being written. Other parts that no entry names were left behind. */
  readonly #unfinished = new Set<string>()
  #parts = 0

  constructor(access: LmdbAccess) {
    this.#access = access
  }

  /** Writes the chunks under a new part first, and replaces the entry that names the part last. */
  async put(key: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const { root, check, write } = this.#access
    check(key)
    const part = `${process.pid}-${Date.now()}-${this.#parts++}`
    this.#unfinished.add(part)
    try {
      let chunks = 0
      for await (const chunk of rechunked(source)) {
        const sealed = seal(chunks, chunk)
        const at = ['chunk', key, part, chunks++]
        check(key)
        await write(sealed.length, () => void root.putSync(at, sealed))
      }
      check(key)
      await write(0, () => {
        root.putSync(['blob', key], seal(chunks, new TextEncoder().encode(part)))
        this.#removeChunks(key, part)
      })
    } catch (error) {
      this.#unfinished.delete(part)
      // If the store is closed or the disk full, the next put of the key sweeps.
      await this.#sweep(key).catch(() => {})
      throw error
    } finally {
      this.#unfinished.delete(part)
    }
  }

  get(key: string): AsyncIterable<Uint8Array> | undefined {
    const { root, check, unseal } = this.#access
    check(key)
    const found = root.getBinary(['blob', key])
    if (!found) return undefined
    const { version: chunks, bytes } = unseal(found)
    const part = new TextDecoder().decode(bytes)
    // All chunks are read within this tick, since a replacement removes the old chunks.
    const sealed = Array.from({ length: chunks }, (_, number) => root.getBinary(['chunk', key, part, number]))
    return this.#unsealed(sealed)
  }

  async remove(key: string): Promise<void> {
    const { root, check, write } = this.#access
    check(key)
    await write(0, () => {
      root.removeSync(['blob', key])
      this.#removeChunks(key, undefined)
    })
  }

  /** Removes chunks that failed and killed puts left behind. */
  async #sweep(key: string): Promise<void> {
    const { root, check, write, unseal } = this.#access
    check(key)
    await write(0, () => {
      const found = root.getBinary(['blob', key])
      this.#removeChunks(key, found && new TextDecoder().decode(unseal(found).bytes))
    })
  }

  #removeChunks(key: string, kept: string | undefined): void {
    const { root } = this.#access
    for (const chunk of [...root.getKeys(below('chunk', key))]) {
      const part = chunk[2]
      if (part !== kept && !(typeof part === 'string' && this.#unfinished.has(part))) root.removeSync(chunk)
    }
  }

  async *#unsealed(sealed: readonly (Uint8Array | undefined)[]): AsyncGenerator<Uint8Array> {
    for (const chunk of sealed) {
      if (!chunk) throw this.#access.damaged('a chunk of a blob is missing')
      yield this.#access.unseal(chunk).bytes
    }
  }
}
