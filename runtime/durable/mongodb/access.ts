import { setTimeout } from 'node:timers/promises'
import type { Db } from 'mongodb'
import { storeError } from '../errors.ts'
import { checkKeys } from '../keys.ts'
import { isPassing, mongodbError } from './mongodb-errors.ts'

const mostAttempts = 5

/** What the parts of a store need of the whole: its database, as long as it's open, and attempts until one succeeds. */
export class MongodbAccess {
  readonly database: Db
  readonly #url: string
  readonly #begun = new Set<Promise<void>>()
  #closed = false

  constructor(database: Db, url: string) {
    this.database = database
    this.#url = url
  }

  /** Throws STORE_CLOSED or STORE_KEY. */
  check(...keys: readonly string[]): void {
    if (this.#closed) throw storeError('STORE_CLOSED')
    checkKeys(...keys)
  }

  /**
   * Does some work against the server, again if the connection breaks. `uncertain` says whether an earlier attempt may have had
   * its effect: work that writes must find that out before it writes again. Errors of the driver become coded ones.
   */
  attempt<Result>(work: (uncertain: boolean) => Promise<Result>): Promise<Result> {
    return this.track(this.#attempts(work))
  }

  /** Makes `end` wait for this. */
  track<Result>(work: Promise<Result>): Promise<Result> {
    const settled = work.then(
      () => void this.#begun.delete(settled),
      () => void this.#begun.delete(settled),
    )
    this.#begun.add(settled)
    return work
  }

  /** Refuses further calls; resolves once what was begun has ended. */
  async end(): Promise<void> {
    this.#closed = true
    while (this.#begun.size > 0) await Promise.all(this.#begun)
  }

  /** That nobody can tell any more whether an attempt had its effect. */
  unknown(key: string): Error {
    return storeError('STORE_UNREACHABLE', {
      url: this.#url,
      reason: `the connection broke while ${key} was written, and others have written it since`,
    })
  }

  damaged(found: string): Error {
    return storeError('STORE_DAMAGED', { folder: this.#url, found })
  }

  async #attempts<Result>(work: (uncertain: boolean) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(attempt > 1)
      } catch (error) {
        if (!isPassing(error) || attempt === mostAttempts) throw mongodbError(this.#url, error)
        // The driver notices only after a while that a server has gone.
        await setTimeout(20 * 2 ** attempt)
      }
    }
  }
}
