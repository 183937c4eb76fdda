import type { Examples } from '../data/examples.ts'
import { subset } from '../data/in-memory-examples.ts'
import type { Evaluation } from './learner.ts'

/** Examples evaluated at once. Fixed, so that the means have the same bits however many workers share the chunks. */
const chunkExamples = 1_000

/** How many chunks a set of examples has. */
export function chunkCount(examples: number): number {
  return Math.ceil(examples / chunkExamples)
}

/** The chunk's examples, in their order. */
export function chunkOf(examples: Examples, chunk: number): Examples {
  const start = chunk * chunkExamples
  const length = Math.min(chunkExamples, examples.count - start)
  return subset(
    examples,
    Uint32Array.from({ length }, (_, index) => start + index),
  )
}

/** The means over all parts' examples, summed in the order of the parts. */
export function mergeEvaluations(parts: readonly Evaluation[]): Evaluation {
  const samples = parts.reduce((sum, part) => sum + part.samples, 0)
  const metrics: Record<string, number> = {}
  for (const name of new Set(parts.flatMap((part) => Object.keys(part.metrics)))) {
    metrics[name] = parts.reduce((sum, part) => sum + (part.metrics[name] ?? 0) * part.samples, 0) / samples
  }
  return { samples, metrics }
}
