import { sizeOf } from '../weights/layout.ts'
import { counted, dataError } from './errors.ts'
import { type ByteFeatures, type Column, checkIndex, type Examples, type Targets } from './examples.ts'

export interface InMemoryData {
  /** The features of all examples in order, row-major. Features keep this type until they are read. */
  readonly features: NumericArray
  /**
   * For each example a class from 0, or a target value. Where there are targets: their first values, unless labels are
   * given, by which partitions deal the examples.
   */
  readonly labels?: ArrayLike<number>
  /** The targets of all examples in order, row-major, where a target is more than one number. */
  readonly targets?: NumericArray
  /** Shape of one example's target. */
  readonly targetShape?: readonly number[]
  /** Shape of one example's features. */
  readonly shape: readonly number[]
  /**
   * The features are divided by this number when they are read. Default: 255 for unsigned bytes, which then read as 0
   * to 1; else 1.
   */
  readonly divisor?: number
  /** By name, a value for each example, such as its group, its weight, or its number in a register. */
  readonly columns?: Readonly<Record<string, ArrayLike<number>>>
  /** Names the entity of each example, for parties that have different features of the same entities. */
  readonly ids?: readonly string[]
}

/**
 * Makes examples from arrays in memory.
 *
 * @throws DATA_COUNT when the number of features doesn't fit the labels and the shape, or a column's length doesn't fit
 *   the labels; DATA_TARGETS when the number of targets doesn't fit; DATA_DIVISOR.
 */
export function inMemoryExamples(data: InMemoryData): Examples {
  const { features, targets, targetShape = [], shape, divisor, columns, ids } = data
  const size = sizeOf(shape)
  const targetSize = sizeOf(targetShape)
  const labels = data.labels ?? firstOfEach(targets, targetSize)
  const count = labels.length
  if (targets && targets.length !== count * targetSize) {
    const words = { labels: counted(count, 'example'), expected: counted(count * targetSize, 'value') }
    throw dataError('DATA_TARGETS', { ...words, shape: targetShape, came: targets.length })
  }
  if (features.length !== count * size) {
    const words = { labels: counted(count, 'label'), expected: counted(count * size, 'value') }
    throw dataError('DATA_COUNT', { ...words, shape, came: features.length })
  }
  for (const values of [...Object.values(columns ?? {}), ...(ids ? [ids] : [])]) {
    if (values.length === count) continue
    const words = { labels: counted(count, 'label'), expected: counted(count, 'value') }
    throw dataError('DATA_COUNT', { ...words, shape: 'of a column', came: values.length })
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
    targets: targets && {
      shape: targetShape,
      read(index, out, offset) {
        checkIndex(index, count)
        out.set(targets.subarray(index * targetSize, (index + 1) * targetSize), offset)
      },
    },
    bytes: features instanceof Uint8Array ? byteFeatures(features, size, count, divided) : undefined,
    columns: columnsOf(columns, (values) => (index) => {
      checkIndex(index, count)
      return values[index] ?? 0
    }),
    ...(ids && {
      id(index) {
        checkIndex(index, count)
        return ids[index] ?? ''
      },
    }),
  }
}

/** The first value of each target. */
function firstOfEach(targets: NumericArray | undefined, size: number): ArrayLike<number> {
  if (!targets) return []
  return Float64Array.from({ length: Math.ceil(targets.length / size) }, (_, index) => targets[index * size] ?? 0)
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
 * The examples with these indices, in this order. Copies nothing.
 *
 * @throws DATA_INDEX when an example of an index doesn't exist.
 */
export function subset(examples: Examples, indices: Uint32Array): Examples {
  for (const index of indices) checkIndex(index, examples.count)
  const sourceIndex = (index: number) => {
    checkIndex(index, indices.length)
    return indices[index] ?? 0
  }
  return {
    count: indices.length,
    shape: examples.shape,
    read: (index, out, offset) => examples.read(sourceIndex(index), out, offset),
    label: (index) => examples.label(sourceIndex(index)),
    unlabelled: examples.unlabelled,
    targets: targetsOf(examples.targets, sourceIndex),
    bytes: examples.bytes && {
      divisor: examples.bytes.divisor,
      copy: (index, out, offset) => examples.bytes?.copy(sourceIndex(index), out, offset),
    },
    columns: columnsOf(examples.columns, (column) => (index) => column(sourceIndex(index))),
    ...(examples.id && { id: (index) => examples.id?.(sourceIndex(index)) ?? '' }),
  }
}

/** The targets by other indices. */
function targetsOf(targets: Targets | undefined, sourceIndex: (index: number) => number): Targets | undefined {
  return (
    targets && { shape: targets.shape, read: (index, out, offset) => targets.read(sourceIndex(index), out, offset) }
  )
}

/** Makes each column anew. Undefined without columns. */
function columnsOf<Given>(
  columns: Readonly<Record<string, Given>> | undefined,
  make: (given: Given) => Column,
): Examples['columns'] {
  return columns && Object.fromEntries(Object.entries(columns).map(([name, given]) => [name, make(given)]))
}

/** @throws DATA_DIVISOR */
export function checkedDivisor(divisor: number): number {
  if (!Number.isFinite(divisor) || divisor === 0) throw dataError('DATA_DIVISOR', { divisor })
  return divisor
}

type RowReader = (start: number, size: number, out: Float32Array, offset: number) => void

/** Makes a reader for one kind of array, so that each loop sees only one kind. */
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

/** Lists the quotient of each byte: a look-up takes less time than a division. */
function dividedBytes(divisor: number): Float32Array {
  const known = tables.get(divisor)
  if (known) return known
  const table = Float32Array.from({ length: 256 }, (_, byte) => byte / divisor)
  tables.set(divisor, table)
  return table
}

/** Arrays that hold the values of a data file. 64-bit integers become doubles if doubles hold them exactly. */
export type NumericArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array

/**
 * The examples of all sets, one set after another, with the columns that all sets share. Copies nothing.
 *
 * @throws DATA_JOIN without a set, or when the sets' shapes, or those of their targets, differ.
 */
export function join(sets: readonly Examples[]): Examples {
  const [first] = sets
  const shapeOf = ({ shape, targets }: Examples) => `[${shape}]${targets ? ` with targets of [${targets.shape}]` : ''}`
  if (!first || sets.some((set) => shapeOf(set) !== shapeOf(first))) {
    throw dataError('DATA_JOIN', { shapes: sets.map(shapeOf).join(', ') || 'none' })
  }
  const head = first
  const ends: number[] = []
  let count = 0
  for (const set of sets) ends.push((count += set.count))

  function find(index: number): { readonly set: Examples; readonly index: number } {
    checkIndex(index, count)
    let low = 0
    let high = ends.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (index < (ends[middle] ?? 0)) high = middle
      else low = middle + 1
    }
    return { set: sets[low] ?? head, index: index - (ends[low - 1] ?? 0) }
  }
  const divisor = first.bytes?.divisor
  const shared = Object.keys(first.columns ?? {}).filter((name) => sets.every(({ columns }) => columns?.[name]))
  const allBytes = divisor !== undefined && sets.every(({ bytes }) => bytes?.divisor === divisor)
  return {
    count,
    shape: first.shape,
    bytes: allBytes
      ? {
          divisor,
          copy(index, out, offset) {
            const { set, index: within } = find(index)
            set.bytes?.copy(within, out, offset)
          },
        }
      : undefined,
    read(index, out, offset) {
      const { set, index: within } = find(index)
      set.read(within, out, offset)
    },
    label(index) {
      const { set, index: within } = find(index)
      return set.label(within)
    },
    unlabelled: sets.some(({ unlabelled }) => unlabelled) || undefined,
    targets: first.targets && {
      shape: first.targets.shape,
      read(index, out, offset) {
        const { set, index: within } = find(index)
        set.targets?.read(within, out, offset)
      },
    },
    columns: Object.fromEntries(
      shared.map((name) => [
        name,
        (index: number) => {
          const { set, index: within } = find(index)
          return set.columns?.[name]?.(within) ?? 0
        },
      ]),
    ),
    ...(sets.every(({ id }) => id) && {
      id(index) {
        const { set, index: within } = find(index)
        return set.id?.(within) ?? ''
      },
    }),
  }
}
