import { sizeOf } from '../../weights/layout.ts'
import type { NumericArray } from '../numeric-array.ts'
import { damaged } from './damaged.ts'
import { decodeNpyHeader } from './npy-header.ts'
import { bytesOf, type NumberType, numbersIn } from './number-type.ts'

/** An array of several dimensions, row-major. */
export interface NdArray {
  readonly shape: readonly number[]
  readonly values: NumericArray
  /** What the values were in the file. */
  readonly kind: NumberType['kind']
}

/**
 * Reads a whole npy file. Arrays in Fortran order are brought into row-major order. The bytes stay as they are.
 *
 * @param file Name for messages.
 * @throws DATA_DAMAGED with the place and what was expected there; DATA_TYPE for what holds no numbers.
 */
export function decodeNpy(bytes: Uint8Array, file: string): NdArray {
  const { type, shape, fortranOrder, dataOffset } = decodeNpyHeader(bytes, file)
  const expected = dataOffset + sizeOf(shape) * bytesOf(type)
  if (bytes.length !== expected) {
    throw damaged(file, Math.min(bytes.length, expected), `${expected} bytes in all`, `${bytes.length}`)
  }
  // Not slice(), which gives a view where the bytes are a Buffer.
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
  const descr = `${kind.endsWith('1') ? '|' : '<'}${kind}`
  const tuple = `(${shape.map((length) => `${length},`).join(' ')})`
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  const dataOffset = 64 * Math.ceil((10 + header.length + 1) / 64)
  const bytes = new Uint8Array(dataOffset + values.byteLength)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
  new DataView(bytes.buffer).setUint16(8, dataOffset - 10, true)
  bytes.set(new TextEncoder().encode(`${header.padEnd(dataOffset - 11)}\n`), 10)
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), dataOffset)
  return bytes
}

/** Walks the result in its order, with the place that each value has where the first index varies fastest. */
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
