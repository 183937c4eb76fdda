/** Keeps the members with the `most` least keys of those that are offered. A binary heap: the greatest key is on top. */
export class LeastKeys {
  readonly #most: number
  readonly #members: number[] = []
  readonly #keys: number[] = []

  constructor(most: number) {
    this.#most = most
  }

  get isFull(): boolean {
    return this.#members.length >= this.#most
  }

  /** The greatest of the kept keys. −Infinity where nothing is kept. */
  get greatest(): number {
    return this.#keys[0] ?? Number.NEGATIVE_INFINITY
  }

  /** Takes a member in, in place of the one with the greatest key if it's full. Of equal keys the earlier ones stay. */
  offer(member: number, key: number): void {
    if (!this.isFull) this.#rise(member, key)
    else if (key < this.greatest) this.#sink(member, key)
  }

  /** The kept members, ascending. */
  members(): Uint32Array {
    return Uint32Array.from(this.#members).toSorted()
  }

  #rise(member: number, key: number): void {
    let at = this.#members.length
    while (at > 0) {
      const above = (at - 1) >> 1
      if (key <= this.#keys[above]!) break
      this.#put(at, this.#members[above]!, this.#keys[above]!)
      at = above
    }
    this.#put(at, member, key)
  }

  /** Puts a member in the place of the top. */
  #sink(member: number, key: number): void {
    const { length } = this.#members
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= length) break
      const below = left + 1 < length && this.#keys[left + 1]! > this.#keys[left]! ? left + 1 : left
      if (key >= this.#keys[below]!) break
      this.#put(at, this.#members[below]!, this.#keys[below]!)
      at = below
    }
    this.#put(at, member, key)
  }

  #put(at: number, member: number, key: number): void {
    this.#members[at] = member
    this.#keys[at] = key
  }
}
