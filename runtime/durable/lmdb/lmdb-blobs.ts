import { rechunked } from '../blob-chunks.ts'
import type { LmdbAccess } from './lmdb-access.ts'
import { below } from './lmdb-root.ts'
import { seal } from './sealed.ts'

/** Blobs, each a row of chunks under a part of its own, and an entry that names the part. */
export class LmdbBlobs {
  readonly #access: LmdbAccess
  /** Parts that are being written: whatever else the entries don't name was left behind. */
  readonly #unfinished = new Set<string>()
  #parts = 0

  constructor(access: LmdbAccess) {
    this.#access = access
  }

  /** Chunks are written under a new part first; the entry, which names it, is replaced last. */
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
      // The next put of this key does it otherwise: the store may be closed, or the disk full.
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
    // Read at once, within this tick: a replacement takes the old chunks away.
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

  /** Takes away what failed and killed puts left behind. */
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
