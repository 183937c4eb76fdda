import type { Snapshot } from '../store.ts'
import type { LmdbRoot } from './lmdb-root.ts'

/** What the parts of a store need of the whole. */
export interface LmdbAccess {
  readonly root: LmdbRoot
  /** Throws STORE_CLOSED or STORE_KEY. */
  check(...keys: readonly string[]): void
  /** Writes so many bytes in a transaction; resolves once that is flushed. The work throws coded errors before it writes. */
  write<Result>(bytes: number, work: () => Result): Promise<Result>
  unseal(sealed: Uint8Array): Snapshot
  damaged(found: string): Error
}
