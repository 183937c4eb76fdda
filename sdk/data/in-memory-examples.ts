import { sizeOf } from '../weights/layout.ts'
import { dataError } from './errors.ts'
import type { Examples } from './examples.ts'

export interface InMemoryData {
  /** The examples' features one after another, row-major. */
  readonly features: Uint8Array
  /** A class from 0, or a target value, for each example. */
  readonly labels: ArrayLike<number>
  /** Shape of one example's features. */
  readonly shape: readonly number[]
}

/** Features as divided by 255 on reading: a table, since a division per value would cost more than the read. */
const scaled = Float32Array.from({ length: 256 }, (_, byte) => byte / 255)

/**
 * Examples whose features stay bytes in memory, and read as 0 to 1.
 *
 * @throws DATA_COUNT when there are not as many features as the labels and the shape say.
 */
export function inMemoryExamples({ features, labels, shape }: InMemoryData): Examples {
  const size = sizeOf(shape)
  const count = labels.length
  if (features.length !== count * size) {
    throw dataError('DATA_COUNT', { labels: count, expected: count * size, shape, count: features.length })
  }
  return {
    count,
    shape,
    read(index, out, offset) {
      check(index, count)
      const start = index * size
      for (let i = 0; i < size; i++) out[offset + i] = scaled[features[start + i] ?? 0] ?? 0
    },
    label(index) {
      check(index, count)
      return labels[index] ?? 0
    },
  }
}

/**
 * Some of the examples, in this order. Nothing is copied.
 *
 * @throws DATA_INDEX when an index is none of the examples'.
 */
export function subset(examples: Examples, indices: Uint32Array): Examples {
  for (const index of indices) check(index, examples.count)
  const place = (index: number) => {
    check(index, indices.length)
    return indices[index] ?? 0
  }
  return {
    count: indices.length,
    shape: examples.shape,
    read: (index, out, offset) => examples.read(place(index), out, offset),
    label: (index) => examples.label(place(index)),
  }
}

function check(index: number, count: number): void {
  if (!(index >= 0 && index < count)) throw dataError('DATA_INDEX', { index, count })
}
