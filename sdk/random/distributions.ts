import { exp, log } from './elementary.ts'
import type { RandomStream } from './random-stream.ts'

/**
 * A draw from the standard normal distribution. The method gives a pair; the second number is dropped, so that draws
 * keep no state.
 *
 * @see Marsaglia & Bray, A convenient method for generating normal variables, SIAM Review 6, 1964.
 */
export function normal(random: RandomStream): number {
  for (;;) {
    const x = 2 * random.uniform() - 1
    const y = 2 * random.uniform() - 1
    const square = x * x + y * y
    if (square > 0 && square < 1) return x * Math.sqrt((-2 * log(square)) / square)
  }
}

/** A draw from the standard normal distribution, repeated until its magnitude is at most 2. */
export function truncatedNormal(random: RandomStream): number {
  for (;;) {
    const value = normal(random)
    if (Math.abs(value) <= 2) return value
  }
}

/**
 * The logarithm of a draw from Gamma(`shape`, 1). A logarithm, since with a small shape most draws are below the
 * smallest double.
 *
 * @see Marsaglia & Tsang, A simple method for generating gamma variables, ACM TOMS 26, 2000.
 */
export function logGamma(random: RandomStream, shape: number): number {
  if (shape < 1) return logGamma(random, shape + 1) + log(1 - random.uniform()) / shape
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(random)
    const root = 1 + c * x
    if (root <= 0) continue
    const v = root * root * root
    if (log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * log(v)) return log(d * v)
  }
}

/** A draw from the symmetric Dirichlet distribution with this number of parts: shares from 0 to 1 that sum to 1. */
export function dirichlet(random: RandomStream, alpha: number, parts: number): Float64Array {
  const shares = Float64Array.from({ length: parts }, () => logGamma(random, alpha))
  const highest = shares.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  const total = shares.reduce((sum, value) => sum + exp(value - highest), 0)
  return shares.map((value) => exp(value - highest) / total)
}

/**
 * The number below which a standard normal draw lies with probability `p`, for p from 2⁻³⁵ to 1 − 2⁻³⁵. Grows with p, and
 * is exact to about 15 digits.
 *
 * @see Wichura, Algorithm AS 241, Applied Statistics 37, 1988: PPND16 without the farthest tails.
 */
export function normalQuantile(p: number): number {
  const fromMiddle = p - 0.5
  if (Math.abs(fromMiddle) <= 0.425) {
    const r = 0.180625 - fromMiddle * fromMiddle
    return (fromMiddle * polynomial(middleAbove, r)) / polynomial(middleBelow, r)
  }
  const r = Math.sqrt(-log(Math.min(p, 1 - p))) - 1.6
  const magnitude = polynomial(tailAbove, r) / polynomial(tailBelow, r)
  return fromMiddle < 0 ? -magnitude : magnitude
}

/** From the highest power down. */
const middleAbove = [
  2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
  133.14166789178438, 3.3871328727963665,
]
const middleBelow = [
  5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579,
  42.31333070160091, 1,
]
const tailAbove = [
  0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
  5.769497221460691, 4.630337846156546, 1.4234371107496835,
]
const tailBelow = [
  1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
  1.6763848301838038, 2.053191626637759, 1,
]

function polynomial(coefficients: readonly number[], x: number): number {
  let value = 0
  for (let at = 0; at < coefficients.length; at++) value = value * x + coefficients[at]!
  return value
}
