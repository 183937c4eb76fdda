import { exp, log } from '../../random/elementary.ts'
import { logErfc } from './normal-distribution.ts'

/** The Gaussian mechanism with a noise of z times the sensitivity, on a sample of which each end is with probability q. */
export interface Mechanism {
  /** z */
  readonly noiseMultiplier: number
  /** q. 1: everybody takes part. */
  readonly samplingProbability: number
}

/** Orders at which the divergence is taken: dense where common settings have their best order. */
const orders: readonly number[] = [
  ...Array.from({ length: 50 }, (_, i) => 1.01 + (i * (8 - 1.01)) / 49),
  ...Array.from({ length: 56 }, (_, i) => 9 + i),
  ...[80, 96, 128, 160, 192, 256, 320, 384, 512],
]

/**
 * Rényi divergence of order α of the sampled Gaussian mechanism, one round: an upper bound for adding and for removing
 * one end.
 *
 * @see Mironov, Talwar, Zhang, Rényi Differential Privacy of the Sampled Gaussian Mechanism, 2019 (arXiv 1908.10530),
 *   sections 3.3 (whole orders) and 3.3.2 (others).
 */
export function renyiDivergence({ noiseMultiplier: z, samplingProbability: q }: Mechanism, order: number): number {
  if (q === 0) return 0
  if (z === 0) return Number.POSITIVE_INFINITY
  if (q === 1) return order / (2 * z * z)
  const moment = Number.isInteger(order) ? wholeMoment(z, q, order) : realMoment(z, q, order)
  return moment / (order - 1)
}

/** ln Σ C(α, i) (1 − q)^(α − i) qⁱ e^((i² − i)/2z²) */
function wholeMoment(z: number, q: number, order: number): number {
  let coefficient = 0
  let sum = Number.NEGATIVE_INFINITY
  for (let i = 0; i <= order; i++) {
    if (i > 0) coefficient += log((order - i + 1) / i)
    sum = logSum(sum, coefficient + i * log(q) + (order - i) * log(1 - q) + (i * i - i) / (2 * z * z))
  }
  return sum
}

/**
 * The two series of the paper, whose terms alternate in sign from i > α on. All terms are added by their magnitudes: a
 * slightly greater bound, without cancellation, and that of Google's dp-accounting.
 */
function realMoment(z: number, q: number, order: number): number {
  const middle = z * z * log(1 / q - 1) + 0.5
  let sum = Number.NEGATIVE_INFINITY
  let coefficient = 1
  for (let i = 0; ; i++) {
    const j = order - i
    const size = log(Math.abs(coefficient))
    const lower =
      size + i * log(q) + j * log(1 - q) + (i * i - i) / (2 * z * z) + halfErfc((i - middle) / (Math.SQRT2 * z))
    const upper =
      size + j * log(q) + i * log(1 - q) + (j * j - j) / (2 * z * z) + halfErfc((middle - j) / (Math.SQRT2 * z))
    sum = logSum(sum, logSum(lower, upper))
    if (Math.max(lower, upper) < leastTerm && i > order) return sum
    coefficient *= (order - i) / (i + 1)
  }
}

/** Logarithm of a term from which on the series, which begins near 1, is as good as complete. */
const leastTerm = -30

function halfErfc(x: number): number {
  return logErfc(x) + log(0.5)
}

/** ln(eᵃ + eᵇ) */
function logSum(a: number, b: number): number {
  const [high, low] = a > b ? [a, b] : [b, a]
  return low === Number.NEGATIVE_INFINITY ? high : high + log(1 + exp(low - high))
}

/** A mechanism in so many rounds. */
export interface Composed extends Mechanism {
  readonly rounds: number
}

/**
 * ε at δ of composed mechanisms, from the sum of their Rényi divergences at the best order.
 *
 * @see Canonne, Kamath, Steinke, The Discrete Gaussian for Differential Privacy, 2020 (arXiv 2004.00010), proposition 12.
 */
export function renyiEpsilon(all: readonly Composed[], delta: number): number {
  let least = Number.POSITIVE_INFINITY
  for (const order of orders) {
    const divergence = all.reduce((sum, each) => sum + each.rounds * renyiDivergence(each, order), 0)
    least = Math.min(least, divergence + log(1 - 1 / order) - log(delta * order) / (order - 1))
  }
  return Math.max(0, least)
}
