import type { Examples } from '../data/examples.ts'
import { subset } from '../data/in-memory-examples.ts'
import { metricSum } from '../sum/exact-sums.ts'
import type { Evaluation } from './learner.ts'

/** Examples evaluated at once. Fixed, so that the means have the same bits however many workers share the chunks. */
const chunkExamples = 1_000

/** How many chunks a set of examples has. */
export function chunkCount(examples: number): number {
  return Math.ceil(examples / chunkExamples)
}

/** The place of a chunk's first example among all. */
export function chunkStart(chunk: number): number {
  return chunk * chunkExamples
}

/** The chunk's examples, in their order. */
export function chunkOf(examples: Examples, chunk: number): Examples {
  const start = chunkStart(chunk)
  const length = Math.min(chunkExamples, examples.count - start)
  return subset(
    examples,
    Uint32Array.from({ length }, (_, index) => start + index),
  )
}

/**
 * The means over all parts' examples: of each metric over those parts that have it. One that isn't finite in some part isn't
 * in the whole.
 */
export function mergeEvaluations(parts: readonly Evaluation[]): Evaluation {
  const sum = metricSum()
  const notFinite: Record<string, number> = {}
  for (const { samples, metrics } of parts) {
    sum.add(samples, metrics)
    for (const [name, value] of Object.entries(metrics)) if (!Number.isFinite(value)) notFinite[name] ??= value
  }
  const whyNotFinite = parts.find((part) => part.whyNotFinite !== undefined)?.whyNotFinite
  return {
    samples: parts.reduce((total, part) => total + part.samples, 0),
    metrics: { ...sum.means(), ...notFinite },
    ...(whyNotFinite === undefined ? {} : { whyNotFinite }),
  }
}
