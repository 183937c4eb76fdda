import { deviceDraws, exponentialQuantile, hourMs, secondMs } from '../behaviour/draws.ts'
import type { AggregatorFailures } from './capacity.ts'

/** A time in which an aggregator is down, in virtual milliseconds. */
export interface Outage {
  readonly from: number
  readonly until: number
}

/** The outages of one aggregator, in their order: drawn from the seed and the aggregator's end. */
export class Outages {
  readonly #failures: AggregatorFailures
  readonly #draw: (count: number) => number
  #next: Outage
  /** Number of outages that have passed. */
  count = 0

  constructor(failures: AggregatorFailures, seed: number, end: string) {
    const draw = deviceDraws(seed, 'aggregator', end)
    this.#failures = failures
    this.#draw = (count) => draw(0, count)
    this.#next = this.#after(0)
  }

  get next(): Outage {
    return this.#next
  }

  /** The next outage has begun: the one after it follows. */
  pass(): void {
    this.count += 1
    this.#next = this.#after(this.#next.until)
  }

  #after(time: number): Outage {
    const { perHour, seconds } = this.#failures
    const from = time + (exponentialQuantile(this.#draw(2 * this.count)) * hourMs) / perHour
    return { from, until: from + exponentialQuantile(this.#draw(2 * this.count + 1)) * seconds * secondMs }
  }
}
