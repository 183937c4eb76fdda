/** Suspicion at which an answer counts as missing: one in 10⁸ answers would come later still. */
const enoughPhi = 8
/** Shares of a new delay in the mean and the variance: of an answer, and of a silence that was taken for a loss. */
const weights = { answer: 0.1, silence: 0.5 } as const
/** Least deviation, since delays on an idle machine hardly differ. */
const leastDeviationMs = 50

export interface SilenceBounds {
  /** A node is never suspected earlier than this, and always later than that. */
  readonly leastMs: number
  readonly mostMs: number
}

/**
 * Judges whether the answer of another node is overdue, by the delays of its earlier answers: an accrual detector,
 * which adapts to the link. Every frame of the other node is an answer.
 *
 * @see Hayashibara et al., The φ Accrual Failure Detector, SRDS 2004; the normal distribution as in Akka.
 */
export class Silence {
  readonly #bounds: SilenceBounds
  #meanMs: number
  #varianceMs2: number
  #awaitedSinceMs: number | undefined
  #heardAtMs: number
  #isDoubted = false

  /** Until answers have come, delays up to half of `leastMs` are expected. */
  constructor(bounds: SilenceBounds, nowMs: number) {
    this.#bounds = bounds
    this.#meanMs = bounds.leastMs / 4
    this.#varianceMs2 = (bounds.leastMs / 8) ** 2
    this.#heardAtMs = nowMs
  }

  get isAwaited(): boolean {
    return this.#awaitedSinceMs !== undefined
  }

  /** Time since the last frame. */
  quietMs(nowMs: number): number {
    return nowMs - this.#heardAtMs
  }

  /** Something was sent that the other node answers. */
  expect(nowMs: number): void {
    this.#awaitedSinceMs ??= nowMs
  }

  /** Somebody else says that the other node is gone. So the least time until the suspicion is a quarter. */
  doubt(nowMs: number): void {
    this.#isDoubted = true
    this.#awaitedSinceMs = nowMs
  }

  heard(nowMs: number): void {
    if (this.#awaitedSinceMs !== undefined) this.#learn(nowMs - this.#awaitedSinceMs, weights.answer)
    this.begin(nowMs)
  }

  /** A new route begins. */
  begin(nowMs: number): void {
    this.#awaitedSinceMs = undefined
    this.#isDoubted = false
    this.#heardAtMs = nowMs
  }

  /** For how long an answer has been overdue, if the node must be suspected. A slow link is given more time next time. */
  suspectedMs(nowMs: number): number | undefined {
    if (this.#awaitedSinceMs === undefined) return undefined
    const { leastMs, mostMs } = this.#bounds
    const silentMs = nowMs - this.#awaitedSinceMs
    if (silentMs < (this.#isDoubted ? leastMs / 4 : leastMs)) return undefined
    if (silentMs < mostMs && !this.#isDoubted && this.phi(silentMs) < enoughPhi) return undefined
    this.#learn(silentMs, weights.silence)
    this.#awaitedSinceMs = undefined
    return silentMs
  }

  /** −log₁₀ of the probability that an answer takes longer than this. */
  phi(silentMs: number): number {
    const deviationMs = Math.max(leastDeviationMs, Math.sqrt(this.#varianceMs2))
    const y = (silentMs - this.#meanMs) / deviationMs
    const odds = Math.exp(-y * (1.5976 + 0.070566 * y * y))
    return Math.log10(1 + odds) - Math.log10(odds)
  }

  #learn(delayMs: number, weight: number): void {
    const difference = delayMs - this.#meanMs
    this.#meanMs += weight * difference
    this.#varianceMs2 = (1 - weight) * (this.#varianceMs2 + weight * difference * difference)
  }
}
