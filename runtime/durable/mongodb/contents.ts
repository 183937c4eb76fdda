import { Binary } from 'mongodb'
import { rechunked } from '../blob-chunks.ts'
import type { MongodbAccess } from './access.ts'
import { ownPrefix } from './names.ts'
import { type Part, type PartHolder, type PartState, Parts } from './parts.ts'
import type { Content, StateHead } from './state-head.ts'

/** Larger contents are kept in chunks: the whole document is written anew at each change. */
const inlineBytes = 32 * 1024

/** Bytes of snapshots and entries, wherever they are. */
export class Contents {
  readonly parts: Parts

  constructor(access: MongodbAccess) {
    this.parts = new Parts(access, `${ownPrefix}states`)
  }

  /** Contents that fit in a document; undefined if they are to be written as a part. */
  inline(bytes: Uint8Array): Content | undefined {
    return bytes.length <= inlineBytes ? { bytes: new Binary(bytes) } : undefined
  }

  /** Writes a part of a key's life. Undefined if that life, or this version of it, is over. */
  async write(key: string, life: string, bytes: Uint8Array, version?: number): Promise<Part | undefined> {
    const part = await this.parts.announce({ _id: key, life, ...(version === undefined ? {} : { version }) })
    return part === undefined ? undefined : this.parts.write(key, part, rechunked([bytes]))
  }

  /** The bytes, the caller's own; undefined if their part is gone. */
  async read(content: Content): Promise<Uint8Array | undefined> {
    if ('bytes' in content) return Uint8Array.from(content.bytes.value())
    const chunks = await this.parts.read(content)
    if (!chunks) return undefined
    const bytes = new Uint8Array(content.size)
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }

  /** What a save or a truncation has to take away is, if it can't be now, when the key is written next. */
  async clean(head: PartHolder & Pick<StateHead, 'version' | 'dropped'>): Promise<void> {
    const isGarbage = (_: string, { snapshot, entry }: PartState) =>
      (snapshot !== undefined && snapshot < head.version) || (entry !== undefined && entry <= head.dropped)
    await this.parts.clean(head, isGarbage).catch(() => {})
  }

  /** As `clean`, of a part that came to nothing. */
  async discard(key: string, { part }: Part): Promise<void> {
    await this.parts.discard(key, part).catch(() => {})
  }
}
