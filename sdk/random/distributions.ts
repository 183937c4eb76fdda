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
