import { sizeOf } from '../../weights/layout.ts'
import { checkFinite, checkIndex, type Examples } from '../examples.ts'
import { isFloat } from '../formats/labelled.ts'
import { bytesOf, type NumberType, numbersIn } from '../formats/number-type.ts'
import { checkedDivisor, rowReader } from '../in-memory-examples.ts'
import type { PagedFile } from './node-paged-file.ts'

/** Examples that stay in a file, of which some pages are in memory. Disposing of them closes it. */
export interface FileExamples extends Examples, Disposable {}

/** How examples of one size lie in a file. */
export interface FileRows {
  readonly pages: PagedFile
  readonly count: number
  /** Shape of one example's features. */
  readonly shape: readonly number[]
  readonly type: NumberType
  readonly divisor: number
  /** Whether features that aren't finite are refused, when they are read. Default `keep`. */
  readonly nonFinite?: 'refuse' | 'keep'
  /** Where the features of example 0 begin, and how many bytes further those of example 1. */
  readonly start: number
  readonly strideBytes: number
  /** Where each value of an example lies, where not in order. */
  readonly order?: Uint16Array
  label(index: number): number
}

/** Examples read from a file when they are asked for. @throws DATA_DIVISOR; in reading DATA_DAMAGED, DATA_FILE, DATA_CLOSED */
export function fileExamples(rows: FileRows): FileExamples {
  const { pages, count, shape, type, start, strideBytes, order } = rows
  const divisor = checkedDivisor(rows.divisor)
  const isChecked = rows.nonFinite === 'refuse' && isFloat(type.kind)
  const size = sizeOf(shape)
  const row = new Uint8Array(size * bytesOf(type))
  // Bytes are read where they lie; other numbers are arrays made anew of each row.
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
    bytes: type.kind === 'u1' && !order ? { divisor, copy: copyBytes } : undefined,
    [Symbol.dispose]: () => pages[Symbol.dispose](),
  }
}

/** What is made of an opened resource; closes it if that fails. */
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
