/**
 * Logarithm and exponential with the same bits in every JavaScript engine. Math.log and Math.exp differ: the standard
 * leaves their last bits open, and Node 24 and Chromium 156 disagree. These functions use only +, −, ×, ÷, which the
 * standard defines exactly.
 */

/** ln 2 in two parts. The product of the first part and any exponent is exact. */
const ln2High = 6.93147180369123816e-1
const ln2Low = 1.9082149292705877e-10

const bytes = new DataView(new ArrayBuffer(8))

/** Natural logarithm, to about two units in the last place. */
export function log(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x === 0 ? Number.NEGATIVE_INFINITY : x > 0 ? x : Number.NaN
  // Scales a number below the normal range into this range.
  const tiny = x < 2 ** -1022
  bytes.setFloat64(0, tiny ? x * 2 ** 54 : x)
  const head = bytes.getUint32(0)
  let exponent = (head >>> 20) - 1023 - (tiny ? 54 : 0)
  bytes.setUint32(0, (head & 0x000fffff) | 0x3ff00000)
  let mantissa = bytes.getFloat64(0)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent += 1
  }
  // ln m = 2 artanh s = 2 (s + s³/3 + s⁵/5 + …), where |s| < 0.172.
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let series = 0
  for (let power = 23; power >= 3; power -= 2) series = (series + 1 / power) * square
  return exponent * ln2High + (exponent * ln2Low + 2 * s * series + 2 * s)
}

/** e to the power of x, to about two units in the last place. */
export function exp(x: number): number {
  if (x > 709.79) return Number.POSITIVE_INFINITY
  if (x < -745.14) return 0
  const exponent = Math.floor(x / ln2High + 0.5)
  const rest = x - exponent * ln2High - exponent * ln2Low
  // The Taylor series, where |rest| < 0.347.
  let series = 1
  for (let term = 14; term >= 1; term--) series = 1 + (series * rest) / term
  // In two factors, since 2 to this exponent may lie outside the normal range.
  const half = exponent >> 1
  return series * powerOfTwo(half) * powerOfTwo(exponent - half)
}

/** 2 to an exponent from −1022 to 1023. */
function powerOfTwo(exponent: number): number {
  bytes.setUint32(0, (exponent + 1023) << 20)
  bytes.setUint32(4, 0)
  return bytes.getFloat64(0)
}

/** x to the power y, for x above 0: exact to some units in the last place, and with the same bits everywhere. */
export function power(x: number, y: number): number {
  const halves = Math.abs(2 * y)
  if (!Number.isInteger(halves) || halves > 64) return exp(y * log(x))
  let product = halves % 2 === 0 ? 1 : Math.sqrt(x)
  for (let factor = 1; factor < halves; factor += 2) product *= x
  return y < 0 ? 1 / product : product
}

const pi = 3.141592653589793

/** The cosine of π·share, for a share from 0 to 1, to about two units of 2⁻⁵³. */
export function cosineOfHalfTurn(share: number): number {
  // Near 0 the Taylor series converges fast.
  if (share > 0.5) return -cosineOfHalfTurn(1 - share)
  const square = pi * share * (pi * share)
  let series = 1
  for (let term = 22; term >= 2; term -= 2) series = 1 - (series * square) / (term * (term - 1))
  return series
}

/** π/2 in two parts. The product of the first part and a whole number below 2²⁰ is exact. */
const quarterHigh = 1.57079632673412561417
const quarterLow = 6.07710050650619224932e-11

/** Sine and cosine, exact to about 10⁻¹⁶ · (1 + |x|/10⁵), for |x| below 10⁶. */
export function sineAndCosine(x: number): { readonly sine: number; readonly cosine: number } {
  const quarters = Math.floor(x / (quarterHigh + quarterLow) + 0.5)
  const rest = x - quarters * quarterHigh - quarters * quarterLow
  const square = rest * rest
  // The Taylor series, where |rest| < 0.786.
  let [sine, cosine] = [1, 1]
  for (let term = 18; term >= 2; term -= 2) {
    sine = 1 - (sine * square) / (term * (term + 1))
    cosine = 1 - (cosine * square) / (term * (term - 1))
  }
  sine *= rest
  switch (((quarters % 4) + 4) % 4) {
    case 0:
      return { sine, cosine }
    case 1:
      return { sine: cosine, cosine: -sine }
    case 2:
      return { sine: -sine, cosine: -cosine }
    default:
      return { sine: -cosine, cosine: sine }
  }
}

/** The logarithm of the sum of the exponentials of values, of which there is at least one. */
export function logSumExp(values: Float32Array): number {
  let most = Number.NEGATIVE_INFINITY
  for (const value of values) most = Math.max(most, value)
  let total = 0
  for (const value of values) total += exp(value - most)
  return most + log(total)
}
