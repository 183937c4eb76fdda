import { CodedError } from '../../errors/coded-error.ts'
import { isStoreTrouble } from '../errors.ts'
import { folderError } from './folder.ts'
import type { LmdbRoot } from './lmdb-root.ts'
import { checkRoom, tryWriting } from './room.ts'

interface Write {
  readonly bytes: number
  /** Does its work within the transaction; returns what to do once that is flushed. */
  readonly run: () => () => void
  readonly fail: (cause: unknown) => void
}

/** Turns of the event loop that a commit waits for more writes, as long as each brings some. */
const mostTurns = 16

/**
 * Commits and flushes together what was begun in successive turns of the event loop, in the order of the calls: a flush takes
 * as long as many turns, and whoever waits for the last has mostly begun to write again a few turns after it. It does so
 * synchronously: lmdb's asynchronous transactions end the process by an unhandled rejection when the disk is full.
 */
export class GroupCommit {
  readonly #root: LmdbRoot
  readonly #folder: string
  #waiting: Write[] = []
  #next: Promise<void> | undefined
  /** Bytes of the largest commit that the disk refused since a probe passed. */
  #refusedBytes = 0
  #hasFailed = false

  constructor(root: LmdbRoot, folder: string) {
    this.#root = root
    this.#folder = folder
  }

  /** Resolves once what was begun is flushed, or has failed. */
  get settled(): Promise<void> {
    return this.#next ?? Promise.resolve()
  }

  /**
   * Resolves with the work's result once it's flushed. The work writes so many bytes, or refuses by a coded error before it
   * has written anything; any other error undoes all that is committed with it.
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

  /** Writes something small, if the disk has room for the largest commit that it refused. */
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
