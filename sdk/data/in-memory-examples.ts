import { sizeOf } from '../weights/layout.ts'
import { checkIndex } from './check-index.ts'
import { counted, dataError } from './errors.ts'
import type { ByteFeatures, Examples } from './examples.ts'
import type { NumericArray } from './numeric-array.ts'

export interface InMemoryData {
  /** The examples' features one after another, row-major. They stay of this type until they are read. */
  readonly features: NumericArray
  /** A class from 0, or a target value, for each example. */
  readonly labels: ArrayLike<number>
  /** Shape of one example's features. */
  readonly shape: readonly number[]
  /** What features are divided by on reading. Default: 255 for unsigned bytes, so that they read as 0 to 1; else 1. */
  readonly divisor?: number
}

/**
 * Examples in memory.
 *
 * @throws DATA_COUNT when there are not as many features as the labels and the shape say, DATA_DIVISOR.
 */
export function inMemoryExamples({ features, labels, shape, divisor }: InMemoryData): Examples {
  const size = sizeOf(shape)
  const count = labels.length
  if (features.length !== count * size) {
    const words = { labels: counted(count, 'label'), expected: counted(count * size, 'value') }
    throw dataError('DATA_COUNT', { ...words, shape, came: features.length })
  }
  const divided = checkedDivisor(divisor ?? (features instanceof Uint8Array ? 255 : 1))
  const copy = rowReader(features, divided)
  return {
    count,
    shape,
    read(index, out, offset) {
      checkIndex(index, count)
      copy(index * size, size, out, offset)
    },
    label(index) {
      checkIndex(index, count)
      return labels[index] ?? 0
    },
    bytes: features instanceof Uint8Array ? byteFeatures(features, size, count, divided) : undefined,
  }
}

function byteFeatures(features: Uint8Array, size: number, count: number, divisor: number): ByteFeatures {
  return {
    divisor,
    copy(index, out, offset) {
      checkIndex(index, count)
      out.set(features.subarray(index * size, (index + 1) * size), offset)
    },
  }
}

/**
 * Some of the examples, in this order. Nothing is copied.
 *
 * @throws DATA_INDEX when an index is none of the examples'.
 */
export function subset(examples: Examples, indices: Uint32Array): Examples {
  for (const index of indices) checkIndex(index, examples.count)
  const place = (index: number) => {
    checkIndex(index, indices.length)
    return indices[index] ?? 0
  }
  return {
    count: indices.length,
    shape: examples.shape,
    read: (index, out, offset) => examples.read(place(index), out, offset),
    label: (index) => examples.label(place(index)),
    bytes: examples.bytes && {
      divisor: examples.bytes.divisor,
      copy: (index, out, offset) => examples.bytes?.copy(place(index), out, offset),
    },
  }
}

/** @throws DATA_DIVISOR */
export function checkedDivisor(divisor: number): number {
  if (!Number.isFinite(divisor) || divisor === 0) throw dataError('DATA_DIVISOR', { divisor })
  return divisor
}

type RowReader = (start: number, size: number, out: Float32Array, offset: number) => void

/** A reader for each kind of array, so that each loop sees one kind only. */
export function rowReader(features: NumericArray, divisor: number): RowReader {
  if (features instanceof Uint8Array) {
    const divided = dividedBytes(divisor)
    return (start, size, out, offset) => {
      for (let i = 0; i < size; i++) out[offset + i] = divided[features[start + i] ?? 0] ?? 0
    }
  }
  if (divisor === 1) {
    return (start, size, out, offset) => out.set(features.subarray(start, start + size), offset)
  }
  return (start, size, out, offset) => {
    for (let i = 0; i < size; i++) out[offset + i] = (features[start + i] ?? 0) / divisor
  }
}

const tables = new Map<number, Float32Array>()

/** Each byte's quotient: looking it up takes less time than dividing. */
function dividedBytes(divisor: number): Float32Array {
  const known = tables.get(divisor)
  if (known) return known
  const table = Float32Array.from({ length: 256 }, (_, byte) => byte / divisor)
  tables.set(divisor, table)
  return table
}
