import { sizeOf } from '../../weights/layout.ts'
import type { NumericArray } from '../in-memory-examples.ts'
import { damaged, formatError, hex } from './errors.ts'
import { bytesOf, type NumberType, numberKinds, numbersIn } from './number-type.ts'

/** An array of several dimensions, row-major. */
export interface NdArray {
  readonly shape: readonly number[]
  readonly values: NumericArray
  /** The type of the values in the file. */
  readonly kind: NumberType['kind']
}

/**
 * Reads a whole npy file. Arrays in Fortran order are converted to row-major order. The given bytes don't change.
 *
 * @param file Name for messages.
 * @throws DATA_DAMAGED with the offset and the expected content; DATA_TYPE for values that aren't numbers.
 */
export function decodeNpy(bytes: Uint8Array, file: string): NdArray {
  const { type, shape, fortranOrder, dataOffset } = decodeNpyHeader(bytes, file)
  const expected = dataOffset + sizeOf(shape) * bytesOf(type)
  if (bytes.length !== expected) {
    throw damaged(file, Math.min(bytes.length, expected), `${expected} bytes in all`, `${bytes.length}`)
  }
  // A copy. slice() of a Buffer would be a view.
  const own = new Uint8Array(bytes.subarray(dataOffset))
  const values = numbersIn(own, type, { file, offset: dataOffset })
  return { kind: type.kind, shape, values: fortranOrder && shape.length > 1 ? rowMajor(values, shape) : values }
}

const written = {
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  f4: Float32Array,
  f8: Float64Array,
} as const

/** Writes an npy file of version 1, which numpy reads without pickle. The values begin at a multiple of 64. */
export function encodeNpy({ shape, values }: Pick<NdArray, 'shape' | 'values'>): Uint8Array {
  const kind = Object.entries(written).find(([, type]) => values instanceof type)?.[0] ?? 'u1'
  const beginning = npyBeginning(shape, kind)
  const bytes = new Uint8Array(beginning.length + values.byteLength)
  bytes.set(beginning)
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), beginning.length)
  return bytes
}

/** An npy file up to its first value. `kind`: numpy's letter and the bytes of a value, such as `f4`. */
export function npyBeginning(shape: readonly number[], kind: string): Uint8Array {
  const descr = `${kind.endsWith('1') ? '|' : '<'}${kind}`
  const tuple = `(${shape.map((length) => `${length},`).join(' ')})`
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  const dataOffset = 64 * Math.ceil((10 + header.length + 1) / 64)
  const bytes = new Uint8Array(dataOffset)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
  new DataView(bytes.buffer).setUint16(8, dataOffset - 10, true)
  bytes.set(new TextEncoder().encode(`${header.padEnd(dataOffset - 11)}\n`), 10)
  return bytes
}

/** Copies values from column-major order to row-major order. `from` tracks the column-major index of each result. */
function rowMajor(values: NumericArray, shape: readonly number[]): NumericArray {
  const result = values.slice()
  const steps = shape.map((_, dimension) => sizeOf(shape.slice(0, dimension)))
  const position = shape.map(() => 0)
  let from = 0
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from] ?? 0
    for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
      const step = steps[dimension] ?? 0
      const next = (position[dimension] ?? 0) + 1
      if (next < (shape[dimension] ?? 0)) {
        position[dimension] = next
        from += step
        break
      }
      position[dimension] = 0
      from -= (next - 1) * step
    }
  }
  return result
}

export interface NpyHeader {
  readonly type: NumberType
  readonly shape: readonly number[]
  /** Whether the first index varies fastest. */
  readonly fortranOrder: boolean
  /** Offset of the first value. */
  readonly dataOffset: number
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** Bytes at a file's beginning that contain the version and the header's length. */
export const npyPrefixBytes = 12

/**
 * Length of the header, with the prefix.
 *
 * @throws DATA_DAMAGED unless the bytes begin as an npy file of version 1 to 3.
 */
export function npyHeaderBytes(prefix: Uint8Array, file: string): number {
  const begin = prefix.subarray(0, magic.length)
  if (begin.length < magic.length || begin.some((byte, index) => byte !== magic[index])) {
    throw damaged(file, 0, `${hex(magic)}, as every npy file begins`, hex(begin))
  }
  const version = prefix[6] ?? 0
  const lengthBytes = version === 1 ? 2 : 4
  if (version < 1 || version > 3) throw damaged(file, 6, 'version 1, 2 or 3', String(prefix[6] ?? 'the end'))
  if (prefix.length < 8 + lengthBytes) throw damaged(file, 8, "the header's length", 'the end')
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength)
  return 8 + lengthBytes + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
}

/**
 * Reads the header of an npy file: numpy's magic bytes and version, and a Python dictionary of three entries.
 *
 * @see NEP 1, A Simple File Format for NumPy Arrays.
 * @throws DATA_DAMAGED, DATA_TYPE
 */
export function decodeNpyHeader(bytes: Uint8Array, file: string): NpyHeader {
  const dataOffset = npyHeaderBytes(bytes.subarray(0, npyPrefixBytes), file)
  if (bytes.length < dataOffset) throw damaged(file, bytes.length, `a header of ${dataOffset} bytes`, 'the end')
  const start = bytes[6] === 1 ? 10 : 12
  const text = new TextDecoder('latin1').decode(bytes.subarray(start, dataOffset))
  const entries = dictionary(text)
  const descr = entries?.get('descr')
  const order = entries?.get('fortran_order')
  const shape = shapeIn(entries?.get('shape'))
  if (entries?.size !== 3 || descr === undefined || (order !== 'True' && order !== 'False') || !shape) {
    const expected = "a dictionary of 'descr', 'fortran_order' and 'shape'"
    throw damaged(file, start, expected, JSON.stringify(text.slice(0, 80).trimEnd()))
  }
  return { type: typeOf(descr, file), shape, fortranOrder: order === 'True', dataOffset }
}

/** The entries of a Python dictionary of strings, truth values, tuples of integers and lists, each value as text. */
function dictionary(text: string): Map<string, string> | undefined {
  const body = /^\s*\{(.*?)\}\s*$/s.exec(text)?.[1]
  if (body === undefined) return undefined
  const entry = /\s*'(\w+)'\s*:\s*('[^']*'|True|False|\([\d,\sL]*\)|\[.*\])\s*(?:,|$)/sy
  const entries = new Map<string, string>()
  while (body.slice(entry.lastIndex).trim() !== '') {
    const [, key, value] = entry.exec(body) ?? []
    if (key === undefined || value === undefined || entries.has(key)) return undefined
    entries.set(key, value)
  }
  return entries
}

/** Parses a tuple: `(2, 3)`, `(2,)`, `()`, or Python 2's `(2L, 3L)`. */
function shapeIn(tuple = ''): number[] | undefined {
  if (!/^\(\s*(?:\d+L?\s*(?:,\s*\d+L?\s*)*,?\s*)?\)$/.test(tuple)) return undefined
  const shape = (tuple.match(/\d+/g) ?? []).map(Number)
  return Number.isSafeInteger(8 * sizeOf(shape)) && shape.every(Number.isSafeInteger) ? shape : undefined
}

function typeOf(descr: string, file: string): NumberType {
  const [, order, letters] = /^'([<>|])(\w+)'$/.exec(descr) ?? []
  const kind = numberKinds.find((kind) => kind === letters)
  if (!kind || (order === '|' && !kind.endsWith('1'))) {
    throw formatError('DATA_TYPE', { file, came: descr, expected: numberKinds.join(', ') })
  }
  return { kind, bigEndian: order === '>' }
}
