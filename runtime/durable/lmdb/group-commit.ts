import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../../errors/coded-error.ts'
import { isStoreTrouble, storeError } from '../errors.ts'
import type { LmdbRoot } from './database.ts'
import { folderError, trialFile } from './folder.ts'

interface Write {
  readonly bytes: number
  /** Does its work within the transaction; returns the function to call once the transaction is flushed. */
  readonly run: () => () => void
  readonly fail: (cause: unknown) => void
}

/** Turns of the event loop that a commit waits for more writes, as long as each brings some. */
const mostTurns = 16

/**
 * Commits and flushes writes of successive turns of the event loop together, in the order of the calls. A flush takes as long as
 * many turns, and callers that waited for one flush mostly begin the next write a few turns later. The commit is synchronous:
 * lmdb's asynchronous transactions end the process by an unhandled rejection when the disk is full.
 */
export class GroupCommit {
  readonly #root: LmdbRoot
  readonly #folder: string
  #waiting: Write[] = []
  #next: Promise<void> | undefined
  /** Size of the largest commit that the disk refused since the last successful probe. */
  #refusedBytes = 0
  #hasFailed = false

  constructor(root: LmdbRoot, folder: string) {
    this.#root = root
    this.#folder = folder
  }

  /** Resolves once all begun writes are flushed, or have failed. */
  get settled(): Promise<void> {
    return this.#next ?? Promise.resolve()
  }

  /**
   * Resolves with the work's result once the commit is flushed. The work writes `bytes` bytes, or throws a coded error before it
   * writes; any other error undoes the whole commit.
   */
  write<Result>(bytes: number, work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          const result = work()
          return () => resolve(result)
        } catch (error) {
          if (error instanceof CodedError) return () => reject(error)
          throw error
        }
      }
      this.#waiting.push({ bytes, run, fail: reject })
      this.#next ??= new Promise((committed) => this.#whenGathered(() => committed(this.#commit())))
    })
  }

  /** Makes a small write, if the disk has room for the largest commit that was refused. */
  async probe(work: () => void): Promise<void> {
    await this.write(this.#refusedBytes, work)
    this.#refusedBytes = 0
  }

  #whenGathered(commit: () => void, turns = 1): void {
    const before = this.#waiting.length
    setImmediate(() => {
      if (this.#waiting.length > before && turns < mostTurns) this.#whenGathered(commit, turns + 1)
      else commit()
    })
  }

  #commit(): void {
    const writes = this.#waiting
    this.#waiting = []
    this.#next = undefined
    const bytes = writes.reduce((sum, write) => sum + write.bytes, 0)
    try {
      checkRoom(this.#folder, bytes)
      if (this.#hasFailed) tryWriting(this.#folder, bytes)
      const settle = this.#root.transactionSync(() => writes.map(({ run }) => run()))
      this.#hasFailed = false
      for (const tell of settle) tell()
    } catch (error) {
      const cause = folderError(this.#folder, error)
      if (isStoreTrouble(cause)) {
        this.#hasFailed = true
        this.#refusedBytes = Math.max(this.#refusedBytes, bytes)
      }
      for (const { fail } of writes) fail(cause)
    }
  }
}

/** Size of the tree's pages that a commit writes anew besides the values. */
const besidesBytes = 256 * 1024
/** Size of the pieces of a trial write. */
const pieceBytes = 1024 * 1024

/**
 * Throws STORE_FULL unless the folder's disk has room for a commit of `bytes` bytes. A write that fails for want of room spoils
 * lmdb's heap (lmdb formats its message into too short a buffer), so the write isn't tried.
 */
function checkRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder)
  const needed = 2 * bytes + besidesBytes
  if (bavail * bsize < needed)
    throw storeError('STORE_FULL', { folder, reason: `${bavail * bsize} bytes are free and ${needed} needed` })
}

/**
 * Writes as many bytes as a commit into a file of its own, at the offset of the end of the store's data, and flushes the bytes.
 * After a failed write, a quota, a limit, a broken or a read-only disk fails here and not within lmdb.
 */
function tryWriting(folder: string, bytes: number): void {
  const path = join(folder, trialFile)
  // On Windows the bytes before a position take room.
  const from = process.platform === 'win32' ? 0 : statSync(join(folder, 'data.mdb')).size
  const until = from + bytes + besidesBytes
  const file = openSync(path, 'w')
  try {
    const piece = Buffer.alloc(pieceBytes)
    for (let at = from; at < until; ) at += writeSync(file, piece, 0, Math.min(pieceBytes, until - at), at)
    fsyncSync(file)
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}
