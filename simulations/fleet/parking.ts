/**
 * Counts the aggregators of a fleet that run: time stands still until each of them waits. An aggregator waits from its call
 * of a port, or of a commit, until the port or the fleet wakes it.
 */
export class Parking {
  readonly #places = new Set<ParkingPlace>()
  #running = 0
  #told: (() => void) | undefined

  /** A place for an aggregator that begins to run. */
  place(): ParkingPlace {
    const place = new ParkingPlace((change) => this.#changed(change))
    this.#places.add(place)
    this.#running += 1
    return place
  }

  get isQuiet(): boolean {
    return this.#running === 0
  }

  /** Resolves once all aggregators wait. */
  quiet(): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#told = resolve
    })
  }

  /**
   * Counts each running aggregator as waiting for a timer, such as in a sleep. For a system that has come to rest, in which
   * nothing else could wake it.
   */
  sleepAll(): void {
    for (const place of this.#places) place.sleep()
  }

  /** Counts each sleeping aggregator as running again: a timer may have woken it. */
  wakeSleepers(): void {
    for (const place of this.#places) place.wakeSleeper()
  }

  #changed(change: 1 | -1): void {
    this.#running += change
    if (this.#running > 0 || !this.#told) return
    const told = this.#told
    this.#told = undefined
    told()
  }
}

/**
 * Whether one aggregator waits. Several waits may be pending at once, as in a race: the first that ends wakes the aggregator,
 * and the others are then stale, so that their ends wake nobody.
 */
export class ParkingPlace {
  readonly #changed: (change: 1 | -1) => void
  #isWaiting = false
  #isSleeping = false
  #isGone = false
  #wakes = 0

  constructor(changed: (change: 1 | -1) => void) {
    this.#changed = changed
  }

  /** The aggregator waits. Returns the wait, for `wake`. */
  wait(): number {
    this.#isSleeping = false
    if (!this.#isWaiting && !this.#isGone) {
      this.#isWaiting = true
      this.#changed(-1)
    }
    return this.#wakes
  }

  /** A wait has ended. */
  wake(wait: number): void {
    if (wait !== this.#wakes || !this.#isWaiting || this.#isGone) return
    this.#wakes += 1
    this.#isWaiting = false
    this.#isSleeping = false
    this.#changed(1)
  }

  sleep(): void {
    if (this.#isWaiting || this.#isGone) return
    this.wait()
    this.#isSleeping = true
  }

  wakeSleeper(): void {
    if (this.#isSleeping) this.wake(this.#wakes)
  }

  /** The aggregator runs no more. */
  leave(): void {
    if (this.#isGone) return
    if (!this.#isWaiting) this.#changed(-1)
    this.#isGone = true
  }
}
