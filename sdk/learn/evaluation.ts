import type { Examples } from '../data/examples.ts'
import { subset } from '../data/in-memory-examples.ts'

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
