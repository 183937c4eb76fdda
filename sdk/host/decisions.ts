import { CodedError, type DurableStore, decode, encode, isObject, noteWrite } from '../../runtime/index.ts'
import { type Decisions, placeOf } from '../role/decisions.ts'
import { roleError } from '../role/errors.ts'

interface Entry {
  readonly round: number
  readonly place: string
  readonly value: unknown
}

/**
 * An entry without a decision. Its number is then taken: another process that has the journal open is refused when it
 * appends.
 */
interface Claim {
  readonly claimed: true
}

/** Number of entries of committed rounds at which the journal is truncated. */
const mostLeftovers = 64

/** Decisions journalled in a store under a role's key. */
export class JournalledDecisions implements Decisions {
  readonly #store: DurableStore
  readonly #key: string
  readonly #recorded = new Map<string, unknown>()
  readonly #counts = new Map<string, number>()
  #round: number
  #pending: Promise<number>[] = []
  #last = 0
  #truncated = 0
  #life: Promise<number> | undefined

  private constructor(store: DurableStore, key: string, round: number) {
    this.#store = store
    this.#key = key
    this.#round = round
  }

  /**
   * Opens a role's journal and reads the decisions of this round. Entries of earlier rounds are leftovers.
   * Where two processes have the same journal open, the store refuses the second one to record. With `claim`, the store
   * refuses every process that opened the journal earlier.
   */
  static async open(store: DurableStore, key: string, round: number, claim = false): Promise<JournalledDecisions> {
    for (;;) {
      const decisions = new JournalledDecisions(store, key, round)
      await decisions.#read()
      if (!claim || (await decisions.#claim())) return decisions
    }
  }

  /** Whether this round has a decision. */
  get any(): boolean {
    return this.#recorded.size > 0
  }

  place(name: string): string {
    const count = this.#counts.get(name) ?? 0
    this.#counts.set(name, count + 1)
    return placeOf(name, count)
  }

  recall<Value>(place: string, isValue: (value: unknown) => value is Value): Value | undefined {
    if (!this.#recorded.has(place)) return undefined
    const value = this.#recorded.get(place)
    if (!isValue(value)) throw roleError('ROLE_JOURNAL_FOREIGN', { key: this.#key, number: place })
    return value
  }

  make<Value>(_: string, make: () => Value | Promise<Value>): Value | Promise<Value> {
    return make()
  }

  record(place: string, value: unknown): void {
    this.#recorded.set(place, value)
    this.#last += 1
    const bytes = encode({ round: this.#round, place, value } satisfies Entry)
    const appended = noteWrite(this.#store, this.#key, this.#store.append(this.#key, bytes, { expected: this.#last }))
    appended.catch(() => {}) // `flush`, which every commit awaits, reports the fault.
    this.#pending.push(appended)
  }

  /** The number of an entry that nothing else has. */
  life(): Promise<number> {
    this.#life ??= this.#enter()
    return this.#life
  }

  async flush(): Promise<void> {
    if (this.#pending.length === 0) return
    const pending = this.#pending
    this.#pending = []
    await Promise.all(pending)
  }

  /** Begins the same round number again, after a run that kept nothing. */
  repeat(): void {
    this.#counts.clear()
  }

  /**
   * Begins the next round. Entries of earlier rounds have no use once their snapshot is durable, and are removed many
   * at once.
   */
  async next(): Promise<void> {
    this.repeat()
    this.#round += 1
    this.#recorded.clear()
    if (this.#last - this.#truncated < mostLeftovers) return
    // The last entry stays: its number tells the next process that opens the journal where to append.
    this.#truncated = this.#last - 1
    await this.#store.truncate(this.#key, this.#truncated)
  }

  async #read(): Promise<void> {
    for await (const { number, bytes } of this.#store.read(this.#key)) {
      this.#last = number
      const entry = decode(bytes)
      if (isEntry(entry)) {
        if (entry.round === this.#round) this.#recorded.set(entry.place, entry.value)
      } else if (!isClaim(entry)) throw roleError('ROLE_JOURNAL_FOREIGN', { key: this.#key, number })
    }
  }

  #enter(): Promise<number> {
    this.#last += 1
    const bytes = encode({ claimed: true } satisfies Claim)
    return noteWrite(this.#store, this.#key, this.#store.append(this.#key, bytes, { expected: this.#last }))
  }

  /** Appends a claim. False if another process has appended since the journal was read. */
  async #claim(): Promise<boolean> {
    try {
      this.#last = await this.#store.append(this.#key, encode({ claimed: true } satisfies Claim), {
        expected: this.#last + 1,
      })
      return true
    } catch (cause) {
      if (isOutdated(cause)) return false
      throw cause
    }
  }
}

function isClaim(value: unknown): value is Claim {
  return isObject(value) && 'claimed' in value
}

function isEntry(value: unknown): value is Entry {
  return isObject(value) && 'round' in value && 'place' in value && 'value' in value
}

/** Whether the store refused a write because another process has written under the same key. */
export function isOutdated(cause: unknown): boolean {
  return cause instanceof CodedError && cause.code === 'STORE_VERSION'
}
