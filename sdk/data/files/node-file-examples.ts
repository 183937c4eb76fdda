import { sizeOf } from '../../weights/layout.ts'
import { checkFinite, checkIndex, type Examples } from '../examples.ts'
import { isFloat } from '../formats/labelled.ts'
import { bytesOf, type NumberType, numbersIn } from '../formats/number-type.ts'
import { checkedDivisor, rowReader } from '../in-memory-examples.ts'
import type { PagedFile } from './node-paged-file.ts'

/** Examples that stay in a file, with some pages in memory. Disposing of the examples closes the file. */
export interface FileExamples extends Examples, Disposable {}

/** The layout of examples of one size in a file. */
export interface FileRows {
  readonly pages: PagedFile
  readonly count: number
  /** Shape of one example's features. */
  readonly shape: readonly number[]
  readonly type: NumberType
  readonly divisor: number
  /** Whether to refuse features that aren't finite, in reading. Default `keep`. */
  readonly nonFinite?: 'refuse' | 'keep'
  /** Offset of the features of example 0, and bytes from each example's features to the next one's. */
  readonly start: number
  readonly strideBytes: number
  /** For each value of an example its index in the file's order, if the orders differ. */
  readonly order?: Uint16Array
  label(index: number): number
  readonly targets?: Examples['targets']
}

/**
 * Examples that are read from a file on demand. @throws DATA_DIVISOR; in reading DATA_INDEX, DATA_VALUE, DATA_DAMAGED,
 * DATA_FILE, DATA_CLOSED
 */
export function fileExamples(rows: FileRows): FileExamples {
  const { pages, count, shape, type, start, strideBytes, order } = rows
  const divisor = checkedDivisor(rows.divisor)
  const isChecked = rows.nonFinite === 'refuse' && isFloat(type.kind)
  const size = sizeOf(shape)
  const row = new Uint8Array(size * bytesOf(type))
  // One reader of bytes serves all rows; other numbers become a new array for each row.
  const bytes = type.kind === 'u1' ? rowReader(row, divisor) : undefined
  const copyBytes = (index: number, out: Uint8Array, offset: number) => {
    checkIndex(index, count)
    pages.read(start + index * strideBytes, out.subarray(offset, offset + size))
  }
  return {
    count,
    shape,
    read(index, out, offset) {
      checkIndex(index, count)
      const position = start + index * strideBytes
      pages.read(position, row)
      if (bytes && !order) return bytes(0, size, out, offset)
      const values = numbersIn(row, type, { file: pages.file, offset: position })
      if (isChecked) checkFinite(values, { source: pages.file, index, shape })
      if (order) for (let i = 0; i < size; i++) out[offset + i] = (values[order[i] ?? 0] ?? 0) / divisor
      else rowReader(values, divisor)(0, size, out, offset)
    },
    label(index) {
      checkIndex(index, count)
      return rows.label(index)
    },
    targets: rows.targets,
    bytes: type.kind === 'u1' && !order ? { divisor, copy: copyBytes } : undefined,
    [Symbol.dispose]: () => pages[Symbol.dispose](),
  }
}

/** Makes a result from an opened resource, and closes the resource if that fails. */
export function opening<Resource extends Disposable, Result>(
  resource: Resource,
  make: (resource: Resource) => Result,
): Result {
  try {
    return make(resource)
  } catch (error) {
    resource[Symbol.dispose]()
    throw error
  }
}
