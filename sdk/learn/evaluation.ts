import type { Examples } from '../data/examples.ts'
import { subset } from '../data/in-memory-examples.ts'
import { metricSum } from '../sum/exact-sums.ts'
import type { Evaluation } from './learner.ts'
import { mergedCounts, valuesOfCounts } from './metric-counts.ts'

/** Number of examples in a chunk. Fixed, so that the means have the same bits for any number of workers. */
const chunkExamples = 1_000

/** Number of chunks in a set of examples. */
export function chunkCount(examples: number): number {
  return Math.ceil(examples / chunkExamples)
}

/** Index of a chunk's first example in the whole set. */
export function chunkStart(chunk: number): number {
  return chunk * chunkExamples
}

/** The chunk's examples, in order. */
export function chunkOf(examples: Examples, chunk: number): Examples {
  const start = chunkStart(chunk)
  const length = Math.min(chunkExamples, examples.count - start)
  return subset(
    examples,
    Uint32Array.from({ length }, (_, index) => start + index),
  )
}

/**
 * Joins the evaluations of parts: the mean of each metric over the parts that have the metric, or the metric of all
 * examples from its sums. A metric that isn't finite in some part isn't finite in the result.
 */
export function mergeEvaluations(parts: readonly Evaluation[]): Evaluation {
  const sum = metricSum()
  const notFinite: Record<string, number> = {}
  const counts = mergedCounts(parts.flatMap((part) => (part.counts ? [part.counts] : [])))
  for (const { samples, metrics: all, counts: own = {} } of parts) {
    const metrics = Object.fromEntries(Object.entries(all).filter(([name]) => !Object.hasOwn(own, name)))
    sum.add(samples, metrics)
    for (const [name, value] of Object.entries(metrics)) if (!Number.isFinite(value)) notFinite[name] ??= value
  }
  const whyNotFinite = parts.find((part) => part.whyNotFinite !== undefined)?.whyNotFinite
  return {
    samples: parts.reduce((total, part) => total + part.samples, 0),
    metrics: { ...sum.means(), ...notFinite, ...valuesOfCounts(counts) },
    ...(Object.keys(counts).length > 0 && { counts }),
    ...(whyNotFinite === undefined ? {} : { whyNotFinite }),
  }
}
