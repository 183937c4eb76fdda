import { rechunked } from '../store-rules.ts'
import { Binary, type Collection, ObjectId } from './bundled-driver.ts'
import type { MongodbConnection } from './connection.ts'
import { ownPrefix } from './connection.ts'
import { type Part, type PartHolder, type PartState, Parts } from './parts.ts'

/** Bytes in the head itself, or in the chunks of a part. */
export type Content = { readonly bytes: Binary } | Part

/**
 * The document of a key with everything that must change together: the snapshot and the end of the journal. Older entries of the
 * journal are in segments.
 */
export interface StateHead extends PartHolder {
  readonly _id: string
  /** Tells the present life of the key from lives before a removal. */
  readonly life: string
  /** 0 while the key has no snapshot. */
  readonly version: number
  readonly snapshot?: Content
  /** Token of the save that wrote the snapshot. */
  readonly savedBy?: ObjectId
  /** Number of the journal's last entry. */
  readonly appended: number
  /** Number of the last truncated entry. */
  readonly dropped: number
  /** Number of the last entry in a segment; later entries are in `entries`. */
  readonly spilled: number
  readonly entries: readonly Content[]
  readonly entriesBytes: number
  /** The youngest batches of appended entries, each with the number of its first entry. */
  readonly batches: readonly { readonly token: ObjectId; readonly from: number }[]
}

export function stateHeads({ database }: MongodbConnection): Collection<StateHead> {
  return database.collection<StateHead>(`${ownPrefix}states`)
}

export function freshHead(key: string): StateHead {
  return {
    _id: key,
    life: new ObjectId().toHexString(),
    version: 0,
    appended: 0,
    dropped: 0,
    spilled: 0,
    entries: [],
    entriesBytes: 0,
    batches: [],
    parts: {},
  }
}

/** Most bytes of contents in a document. Each change writes the whole document anew, so larger contents are kept in chunks. */
const inlineBytes = 32 * 1024

/** Reads and writes the bytes of snapshots and entries, in a head or in chunks. */
export class Contents {
  readonly parts: Parts

  constructor(connection: MongodbConnection) {
    this.parts = new Parts(connection, `${ownPrefix}states`)
  }

  /** Makes contents that fit into a head; undefined if the bytes need a part. */
  inline(bytes: Uint8Array): Content | undefined {
    return bytes.length <= inlineBytes ? { bytes: new Binary(bytes) } : undefined
  }

  /** Writes a part of a key's life. Undefined if the life, or the given version, is over. */
  async write(key: string, life: string, bytes: Uint8Array, version?: number): Promise<Part | undefined> {
    const part = await this.parts.announce({ _id: key, life, ...(version === undefined ? {} : { version }) })
    return part === undefined ? undefined : this.parts.write(key, part, rechunked([bytes]))
  }

  /** Reads the bytes into an array of the caller's own; undefined if the part is gone. */
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

  /** Removes parts that a save or a truncation replaced. After a failure the next write of the key tries again. */
  async clean(head: PartHolder & Pick<StateHead, 'version' | 'dropped'>): Promise<void> {
    const isGarbage = (_: string, { snapshot, entry }: PartState) =>
      (snapshot !== undefined && snapshot < head.version) || (entry !== undefined && entry <= head.dropped)
    await this.parts.clean(head, isGarbage).catch(() => {})
  }

  /** Removes a part that no document will point to. After a failure the next write of the key tries again. */
  async discard(key: string, { part }: Part): Promise<void> {
    await this.parts.discard(key, part).catch(() => {})
  }
}
