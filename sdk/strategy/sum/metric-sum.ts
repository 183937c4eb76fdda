/** Weighted sums of metrics, in quanta, that can travel and be merged: exact, so the order doesn't matter. */
export type MetricPartial = Readonly<Record<string, { readonly sum: bigint; readonly samples: number }>>

/** Adds metrics, weighted by samples, to means that don't depend on the order. */
export interface MetricSum {
  /** A value that isn't finite is left out of its metric's mean, and its samples too. */
  add(samples: number, metrics: Readonly<Record<string, number>>): void
  merge(partial: MetricPartial): void
  partial(): MetricPartial
  /** By name, in alphabetical order. */
  means(): Record<string, number>
}

/** Every finite double is a whole multiple of 2^−1074: so sums of them are exact, whatever their size. */
const quantumBits = 1074
const fractionBits = 52n

export function metricSum(): MetricSum {
  const sums = new Map<string, { sum: bigint; samples: number }>()
  const plus = (name: string, sum: bigint, samples: number) => {
    const known = sums.get(name) ?? { sum: 0n, samples: 0 }
    sums.set(name, { sum: known.sum + sum, samples: known.samples + samples })
  }
  return {
    add(samples, metrics) {
      for (const [name, value] of Object.entries(metrics)) {
        if (!Number.isFinite(value)) continue
        plus(name, quantaOf(value) * BigInt(samples), samples)
      }
    },
    merge(partial) {
      for (const [name, { sum, samples }] of Object.entries(partial)) plus(name, sum, samples)
    },
    partial: () => Object.fromEntries(sums),
    means() {
      const sorted = [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1))
      return Object.fromEntries(sorted.map(([name, { sum, samples }]) => [name, numberOf(sum / BigInt(samples))]))
    },
  }
}

/** A finite double in quanta: its significand, shifted by its exponent. */
function quantaOf(value: number): bigint {
  const [bits = 0n] = new BigUint64Array(Float64Array.of(Math.abs(value)).buffer)
  const [exponent, fraction] = [bits >> fractionBits, bits & ((1n << fractionBits) - 1n)]
  const quanta = exponent === 0n ? fraction : (fraction | (1n << fractionBits)) << (exponent - 1n)
  return value < 0 ? -quanta : quanta
}

/** Of many quanta the first 64 bits and more: a double keeps 53. */
function numberOf(quanta: bigint): number {
  const magnitude = quanta < 0n ? -quanta : quanta
  const surplus = Math.max(0, 4 * magnitude.toString(16).length - 68)
  const value = Number(magnitude >> BigInt(surplus)) * 2 ** (surplus - quantumBits)
  return quanta < 0n ? -value : value
}
