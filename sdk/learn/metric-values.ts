import { exp } from '../random/elementary.ts'
import { scalarSum } from '../sum/exact-sums.ts'
import type { CountForm, MetricCounts } from './metric-counts.ts'

const share = (a: number, b: number) => (b === 0 ? undefined : a / b)

const forms: Readonly<Record<CountForm, (sums: readonly number[]) => number | undefined>> = {
  /** A sum. */
  count: ([sum = 0]) => sum,
  /** A sum, and the number of its terms. */
  ratio: ([sum = 0, count = 0]) => share(sum, count),
  root: ([sum = 0, count = 0]) => mapped(share(sum, count), Math.sqrt),
  exponential: ([sum = 0, count = 0]) => mapped(share(sum, count), exp),
  /** For each class: found rightly, found wrongly, missed. The mean over classes; 0 for a class that was never found. */
  precision: (sums) => meanOverClasses(sums, (right, wrong) => share(right, right + wrong) ?? 0),
  recall: (sums) => meanOverClasses(sums, (right, _, missed) => share(right, right + missed) ?? 0),
  f1: (sums) => meanOverClasses(sums, (right, wrong, missed) => share(2 * right, 2 * right + wrong + missed) ?? 0),
  /** In the order of bins of probability: examples of class 0, then examples of class 1. */
  area: (sums) => areaUnder(sums),
  /** For each output: Σ error², Σ y, Σ y²; then the number of examples. The mean over outputs. */
  determination: (sums) => determination(sums),
}

/**
 * The values of metrics. A metric is absent where the examples have none, such as an area without examples of both
 * classes.
 */
export function valuesOfCounts(counts: Readonly<Record<string, MetricCounts>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).flatMap(([name, { form, sums }]) => {
      const value = forms[form](sums)
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}

/**
 * Adds the counts of parts, by name. Each sum is exact and rounded once, so that the order of the parts doesn't matter.
 * Sums that aren't finite stay so.
 */
export function mergedCounts(parts: readonly Readonly<Record<string, MetricCounts>>[]): Record<string, MetricCounts> {
  const merged = new Map<string, MetricCounts[]>()
  for (const part of parts)
    for (const [name, count] of Object.entries(part)) {
      const known = merged.get(name)
      if (!known) merged.set(name, [count])
      else if (known[0]?.form === count.form && known[0].sums.length === count.sums.length) known.push(count)
    }
  const added = [...merged].map(([name, counts]) => [name, addedCounts(counts)] as const)
  return Object.fromEntries(added.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function addedCounts(counts: readonly MetricCounts[]): MetricCounts {
  const [{ form, sums } = { form: 'count' as const, sums: [] }] = counts
  const total = (at: number) => {
    const values = counts.map((count) => count.sums[at] ?? 0)
    const odd = values.find((value) => !Number.isFinite(value))
    if (odd !== undefined) return odd
    if (values.every(Number.isSafeInteger)) return values.reduce((sum, value) => sum + value, 0)
    const exact = scalarSum()
    for (const value of values) exact.add({ sum: value })
    return exact.totals().sum ?? 0
  }
  return { form, sums: sums.map((_, at) => total(at)) }
}

function mapped(value: number | undefined, of: (value: number) => number): number | undefined {
  return value === undefined ? undefined : of(value)
}

function meanOverClasses(
  sums: readonly number[],
  of: (right: number, wrong: number, missed: number) => number,
): number | undefined {
  const classes = sums.length / 3
  let total = 0
  for (let at = 0; at < sums.length; at += 3) total += of(sums[at] ?? 0, sums[at + 1] ?? 0, sums[at + 2] ?? 0)
  return share(total, classes)
}

/**
 * The fraction of pairs of an example of class 1 and one of class 0 in which the former has the higher bin; half of the
 * pairs within a bin (Mann and Whitney 1947).
 */
function areaUnder(sums: readonly number[]): number | undefined {
  const bins = sums.length / 2
  let [pairs, below, ones] = [0, 0, 0]
  for (let bin = 0; bin < bins; bin++) {
    const [zero = 0, one = 0] = [sums[bin], sums[bins + bin]]
    pairs += one * (below + zero / 2)
    below += zero
    ones += one
  }
  return share(pairs, below * ones)
}

function determination(sums: readonly number[]): number | undefined {
  const count = sums.at(-1) ?? 0
  const outputs = (sums.length - 1) / 3
  let total = 0
  for (let at = 0; at < sums.length - 1; at += 3) {
    const [errors = 0, sum = 0, squares = 0] = [sums[at], sums[at + 1], sums[at + 2]]
    const spread = squares - (sum * sum) / Math.max(1, count)
    if (!(spread > 0)) return undefined
    total += 1 - errors / spread
  }
  return share(total, outputs)
}
