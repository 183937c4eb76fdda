import { fromHalf } from '../../weights/formats/float-type.ts'
import type { NumericArray } from '../in-memory-examples.ts'
import { damaged, formatError } from './errors.ts'

/** Kinds of numbers: numpy's letter (boolean, unsigned, integer, float), then the number of bytes. */
export const numberKinds = ['b1', 'u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f2', 'f4', 'f8'] as const

/** Kind and byte order of the numbers in a file. */
export interface NumberType {
  readonly kind: (typeof numberKinds)[number]
  readonly bigEndian: boolean
}

/** Bytes of one number. */
export function bytesOf({ kind }: NumberType): number {
  return Number(kind.slice(1))
}

/** Origin of bytes, for messages. */
export interface BytesOrigin {
  readonly file: string
  readonly offset: number
}

/**
 * Reads the numbers in bytes. Big-endian bytes are reversed in place, and the result may be a view of the bytes, so the
 * caller must own the bytes, and they must begin at a multiple of 8.
 *
 * @throws DATA_DAMAGED for a boolean that is neither 0 nor 1; DATA_TYPE for a 64-bit integer that a double can't hold.
 */
export function numbersIn(bytes: Uint8Array, type: NumberType, origin: BytesOrigin): NumericArray {
  const width = bytesOf(type)
  const count = bytes.length / width
  if (type.bigEndian && width > 1) turnRound(bytes, width)
  const { buffer, byteOffset } = bytes
  switch (type.kind) {
    case 'b1':
      return booleans(bytes, origin)
    case 'u1':
      return bytes
    case 'i1':
      return new Int8Array(buffer, byteOffset, count)
    case 'u2':
      return new Uint16Array(buffer, byteOffset, count)
    case 'i2':
      return new Int16Array(buffer, byteOffset, count)
    case 'u4':
      return new Uint32Array(buffer, byteOffset, count)
    case 'i4':
      return new Int32Array(buffer, byteOffset, count)
    case 'u8':
      return doubles(new BigUint64Array(buffer, byteOffset, count), origin)
    case 'i8':
      return doubles(new BigInt64Array(buffer, byteOffset, count), origin)
    case 'f2':
      return Float32Array.from(new Uint16Array(buffer, byteOffset, count), fromHalf)
    case 'f4':
      return new Float32Array(buffer, byteOffset, count)
    case 'f8':
      return new Float64Array(buffer, byteOffset, count)
  }
}

function turnRound(bytes: Uint8Array, width: number): void {
  for (let start = 0; start < bytes.length; start += width) bytes.subarray(start, start + width).reverse()
}

function booleans(bytes: Uint8Array, { file, offset }: BytesOrigin): Uint8Array {
  const wrong = bytes.findIndex((byte) => byte > 1)
  if (wrong >= 0) throw damaged(file, offset + wrong, 'a boolean 0 or 1', String(bytes[wrong]))
  return bytes
}

function doubles(integers: BigUint64Array | BigInt64Array, { file, offset }: BytesOrigin): Float64Array {
  const values = new Float64Array(integers.length)
  for (let index = 0; index < values.length; index++) {
    const value = Number(integers[index])
    if (!Number.isSafeInteger(value)) {
      const came = `64-bit integers, of which ${integers[index]} at byte ${offset + 8 * index} is beyond 2^53`
      throw formatError('DATA_TYPE', { file, came, expected: 'int32, float32 or float64' })
    }
    values[index] = value
  }
  return values
}
