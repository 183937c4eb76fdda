/** Weighted sums of metrics that can travel and be merged: exact, so the order doesn't matter. */
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

/** Values are rounded to 2^−30, and count as at most 2^40 in magnitude. */
const quantum = 2 ** -30
const limit = 2 ** 40

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
        const clamped = Math.max(-limit, Math.min(limit, value))
        plus(name, BigInt(Math.round(clamped / quantum)) * BigInt(samples), samples)
      }
    },
    merge(partial) {
      for (const [name, { sum, samples }] of Object.entries(partial)) plus(name, sum, samples)
    },
    partial: () => Object.fromEntries(sums),
    means() {
      const sorted = [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1))
      return Object.fromEntries(sorted.map(([name, { sum, samples }]) => [name, (Number(sum) * quantum) / samples]))
    },
  }
}
