import { exp, log } from '../../random/elementary.ts'

const rootOfPi = Math.sqrt(3.141592653589793)

/** Beyond this argument the continued fraction converges fast; before it the series has no cancellation to speak of. */
const border = 2

/** 1 − erf(x), with a small relative error in both tails. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x)
  if (x >= border) return (exp(-x * x) / rootOfPi) * fraction(x)
  // erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)), all terms of one sign.
  let term = x
  let sum = x
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return 1 - (2 / rootOfPi) * exp(-x * x) * sum
}

/** The continued fraction 1/(x + ½/(x + 1/(x + 3/2/(x + …)))), from its end. */
function fraction(x: number): number {
  let value = x
  for (let n = 100; n >= 1; n--) value = x + n / 2 / value
  return 1 / value
}

/** ln(1 − erf(x)), also where 1 − erf(x) is below the smallest double. */
export function logErfc(x: number): number {
  return x < border ? log(erfc(x)) : -x * x + log(fraction(x) / rootOfPi)
}

/** Probability that a standard normal draw is above x. */
export function upperTail(x: number): number {
  return erfc(x / Math.SQRT2) / 2
}

/** Probability that a standard normal draw lies between a and b, where a ≤ b. */
export function normalMass(a: number, b: number): number {
  // In the lower half by lower tails, so that small masses are differences of small numbers.
  return a > 0 ? upperTail(a) - upperTail(b) : upperTail(-b) - upperTail(-a)
}
