/** Weighted sums of metrics, in quanta of 2^−1074, that can be sent and merged: exact, so the order doesn't matter. */
export type MetricPartial = Readonly<Record<string, { readonly sum: Words; readonly samples: number }>>

/** Averages metrics, weighted by samples. The means don't depend on the order. */
export interface MetricSum {
  /** Adds metrics. A value that isn't finite is left out of its metric's mean, with its samples. */
  add(samples: number, metrics: Readonly<Record<string, number>>): void
  merge(partial: MetricPartial): void
  partial(): MetricPartial
  /** By name, in alphabetical order. */
  means(): Record<string, number>
}

/** Every finite double is a whole multiple of 2^−1074, so sums of doubles are exact at any size. */
const quantumBits = 1074
const fractionBits = 52n

export function metricSum(): MetricSum {
  const sums = new Map<string, { sum: bigint; samples: number }>()
  const plus = (name: string, sum: bigint, samples: number) => {
    const known = sums.get(name)
    if (!known) return void sums.set(name, { sum, samples })
    known.sum += sum
    known.samples += samples
  }
  return {
    add(samples, metrics) {
      for (const [name, value] of Object.entries(metrics)) {
        if (!Number.isFinite(value)) continue
        plus(name, quantaOf(value) * BigInt(samples), samples)
      }
    },
    merge(partial) {
      for (const [name, { sum, samples }] of Object.entries(partial)) plus(name, integerOf(sum), samples)
    },
    partial: () =>
      Object.fromEntries([...sums].map(([name, { sum, samples }]) => [name, { sum: wordsOf(sum), samples }])),
    means() {
      const sorted = [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1))
      return Object.fromEntries(sorted.map(([name, { sum, samples }]) => [name, numberOf(sum / BigInt(samples))]))
    },
  }
}

/** Sums of scalars, by name, in quanta of 2^−1074. */
export type ScalarPartial = Readonly<Record<string, Words>>

/**
 * Adds finite scalars exactly, so that their sums don't depend on the order. Each total is rounded to a double once.
 */
export interface ScalarSum {
  add(scalars: Readonly<Record<string, number>>): void
  merge(partial: ScalarPartial): void
  partial(): ScalarPartial
  /** By name, in alphabetical order. */
  totals(): Record<string, number>
  reset(): void
}

export function scalarSum(): ScalarSum {
  const sums = new Map<string, bigint>()
  const plus = (name: string, quanta: bigint) => sums.set(name, (sums.get(name) ?? 0n) + quanta)
  return {
    add(scalars) {
      for (const [name, value] of Object.entries(scalars)) plus(name, quantaOf(value))
    },
    merge(partial) {
      for (const [name, quanta] of Object.entries(partial)) plus(name, integerOf(quanta))
    },
    partial: () => Object.fromEntries([...sums].map(([name, quanta]) => [name, wordsOf(quanta)])),
    totals() {
      const sorted = [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1))
      return Object.fromEntries(sorted.map(([name, quanta]) => [name, numberOf(quanta)]))
    },
    reset: () => sums.clear(),
  }
}

export function isScalarPartial(value: object): value is ScalarPartial {
  return Object.values(value).every(isWords)
}

const double = new Float64Array(1)
const doubleBits = new BigUint64Array(double.buffer)

/** A finite double in quanta: its significand, shifted by its exponent. */
function quantaOf(value: number): bigint {
  double[0] = Math.abs(value)
  const bits = doubleBits[0] ?? 0n
  const [exponent, fraction] = [bits >> fractionBits, bits & ((1n << fractionBits) - 1n)]
  const quanta = exponent === 0n ? fraction : (fraction | (1n << fractionBits)) << (exponent - 1n)
  return value < 0 ? -quanta : quanta
}

/**
 * The nearest double, ties to even. For a large number, takes the leading 64 bits or more, the last of which is set if
 * any later bit is.
 */
function numberOf(quanta: bigint): number {
  const magnitude = quanta < 0n ? -quanta : quanta
  const surplus = BigInt(Math.max(0, 4 * magnitude.toString(16).length - 68))
  const first = magnitude >> surplus
  const rest = first << surplus === magnitude ? 0n : 1n
  const value = Number(first | rest) * 2 ** (Number(surplus) - quantumBits)
  return quanta < 0n ? -value : value
}

/**
 * A whole number of any size, as little-endian 64-bit words in two's complement. This form can be sent and stored,
 * which a bigint of more than 64 bits can't.
 */
export type Words = BigInt64Array

/** More words than any sum of doubles has: a longer number comes from no sum. */
const mostWords = 40

export function wordsOf(value: bigint): Words {
  const words: bigint[] = []
  let rest = value
  do {
    words.push(BigInt.asIntN(64, rest))
    rest >>= 64n
  } while (rest !== (words.at(-1) ?? 0n) >> 63n)
  return BigInt64Array.from(words)
}

export function integerOf(words: Words): bigint {
  let value = words.at(-1) ?? 0n
  for (let index = words.length - 2; index >= 0; index--) {
    value = (value << 64n) | BigInt.asUintN(64, words[index] ?? 0n)
  }
  return value
}

export function isWords(value: unknown): value is Words {
  return value instanceof BigInt64Array && value.length > 0 && value.length <= mostWords
}
