/** A frame of large messages takes the route for some 5 ms: a small message on the same way waits no longer. */
const frameMs = 5
/**
 * Length of frames until a route's speed is known, and on slow routes. Shorter frames would cost more for their headers
 * and acknowledgements than they would save.
 */
const leastFrameBytes = 16 * 1024
/** A window for large messages on slow routes, and until a route's speed is known. */
export const leastWindowBytes = 1024 * 1024
/** A window holds what a quick route carries in this time: two processes of one machine don't wait for each other's turns. */
const windowMs = 20
/** Time over which the speed is measured. */
const sampleMs = 50
/** Share of a lower speed in the measured one. A higher speed counts at once. */
const lowerShare = 0.25

/**
 * Measures how quickly acknowledgements of large messages come, and says how long their frames and their window should
 * be. A stretch with nothing under way at its end began or ended with a round trip, so that the route is at least as
 * quick.
 */
export class BulkPace {
  #bytesPerMs: number | undefined
  /** The present stretch: since when bytes are under way, and how many were acknowledged. */
  #sinceMs: number | undefined
  #bytes = 0

  /** Bytes are under way. */
  sent(nowMs: number): void {
    this.#sinceMs ??= nowMs
  }

  /** Bytes were acknowledged. `isLast`: no others are under way. */
  acknowledged(bytes: number, isLast: boolean, nowMs: number): void {
    if (this.#sinceMs === undefined) return
    this.#bytes += bytes
    const forMs = Math.max(1, nowMs - this.#sinceMs)
    if (forMs < sampleMs && !isLast) return
    const sample = this.#bytes / forMs
    const known = this.#bytesPerMs ?? 0
    if (sample > known) this.#bytesPerMs = sample
    else if (!isLast) this.#bytesPerMs = known + lowerShare * (sample - known)
    this.#sinceMs = isLast ? undefined : nowMs
    this.#bytes = 0
  }

  /** Another route begins, which sends again all that was under way. */
  interrupted(): void {
    this.#sinceMs = undefined
    this.#bytes = 0
  }

  /** Most bytes to send ahead of acknowledgements. */
  windowBytes(): number {
    return Math.max(leastWindowBytes, Math.round((this.#bytesPerMs ?? 0) * windowMs))
  }

  /** Length of the next frames, at most `most`. */
  frameBytes(most: number): number {
    return Math.min(most, Math.max(leastFrameBytes, Math.round((this.#bytesPerMs ?? 0) * frameMs)))
  }
}
