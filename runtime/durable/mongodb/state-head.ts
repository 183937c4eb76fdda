import { type Binary, type Collection, ObjectId } from 'mongodb'
import type { MongodbAccess } from './access.ts'
import { ownPrefix } from './names.ts'
import type { Part, PartHolder } from './parts.ts'

/** Bytes in the document itself, or in chunks of a part. */
export type Content = { readonly bytes: Binary } | Part

/**
 * Everything of a key that must change together, in one document: its snapshot and the end of its journal, whose older entries
 * are in segments.
 */
export interface StateHead extends PartHolder {
  readonly _id: string
  /** Tells this life of the key from the one before it was removed. */
  readonly life: string
  /** 0 while there is no snapshot. */
  readonly version: number
  readonly snapshot?: Content
  /** Token of the save that wrote the snapshot. */
  readonly savedBy?: ObjectId
  /** Number of the journal's last entry. */
  readonly appended: number
  /** Entries up to this one are truncated. */
  readonly dropped: number
  /** Entries up to this one are in segments; the later ones are here. */
  readonly spilled: number
  readonly entries: readonly Content[]
  readonly entriesBytes: number
  /** The last batches that were appended. */
  readonly batches: readonly AppendedBatch[]
}

export interface AppendedBatch {
  readonly token: ObjectId
  /** Number of its first entry. */
  readonly from: number
}

export function stateHeads({ database }: MongodbAccess): Collection<StateHead> {
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
