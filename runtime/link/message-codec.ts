import { decodePackedError, packError, unpackError } from '../errors/coded-error.ts'
import { Addressee } from '../kernel/addressee.ts'
import { linkError } from './errors.ts'
import { mostLevels, pack, unpack } from './message-pack.ts'

/** The name of a ref for the node at the other end: a number in this node's own table, or in the sender's. */
export type RefName =
  | { readonly of: 'receiver'; readonly number: number }
  | { readonly of: 'sender'; readonly number: number; readonly path: string }

/** A packed value. The sender may change the original afterwards. */
export interface Packed {
  readonly header: unknown
  /** Bytes of the typed arrays, in the order in which the header refers to them. */
  readonly arrays: readonly Uint8Array[]
  readonly arrayBytes: number
}

/** In the header, bytes represent a value that isn't plain. The first byte is its kind. */
const kinds = { receiverRef: 0, senderRef: 1, array: 2, error: 3, bigint: 4, nothing: 5 } as const

const arrayTypes = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const

/** Arrays begin at multiples of this number of bytes, so that views of every type are possible. */
const alignment = 8
const prefixBytes = 8
const mostBigintDigits = 2048

/**
 * Packs a value for sending. Typed arrays are copied as raw little-endian bytes, errors are packed, refs are named by
 * `nameOf`. −0 arrives as 0, and half of a surrogate pair as U+FFFD. LINK_VALUE, or as `nameOf` throws.
 */
export function packed(value: unknown, nameOf: (ref: Addressee) => RefName): Packed {
  const arrays: Uint8Array[] = []
  let arrayBytes = 0

  function plain(part: unknown, levels: number): unknown {
    switch (typeof part) {
      case 'string':
      case 'number':
      case 'boolean':
        return part
      case 'undefined':
        return Uint8Array.of(kinds.nothing)
      case 'bigint':
        return bigintBytes(part)
      case 'object':
        if (part === null) return part
        if (levels === 0) throw linkError('LINK_VALUE', { found: `a value of more than ${mostLevels} levels` })
        return Array.isArray(part) ? part.map((item) => plain(item, levels - 1)) : plainObject(part, levels - 1)
      default:
        throw linkError('LINK_VALUE', { found: `a ${typeof part}` })
    }
  }

  function plainObject(part: object, levels: number): unknown {
    const prototype: unknown = Object.getPrototypeOf(part)
    if (prototype === Object.prototype || prototype === null) {
      const fields: Record<string, unknown> = {}
      for (const [name, field] of Object.entries(part)) {
        if (name === '__proto__') throw linkError('LINK_VALUE', { found: 'an object with a field __proto__' })
        fields[name] = plain(field, levels)
      }
      return fields
    }
    if (part instanceof Addressee) return refBytes(nameOf(part))
    if (ArrayBuffer.isView(part)) return arrayPlace(part)
    if (part instanceof Error) return withKind(kinds.error, pack(packError(part)))
    throw linkError('LINK_VALUE', { found: 'an instance of a class' })
  }

  function arrayPlace(array: ArrayBufferView): Uint8Array {
    const type = arrayTypes.findIndex((known) => array instanceof known)
    if (type < 0) throw linkError('LINK_VALUE', { found: 'a DataView' })
    arrays.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice())
    arrayBytes += padded(array.byteLength)
    const place = new DataView(new ArrayBuffer(6))
    place.setUint8(0, kinds.array)
    place.setUint8(1, type)
    place.setUint32(2, array.byteLength, true)
    return new Uint8Array(place.buffer)
  }

  return { header: plain(value, mostLevels), arrays, arrayBytes }
}

/** Lays out values one after the other: length of the header, header in MessagePack, arrays; each padded to 8 bytes. */
export function bodyOf(values: readonly Packed[]): Uint8Array<ArrayBuffer> {
  const header = pack(values.map((value) => value.header))
  const arraysAt = prefixBytes + padded(header.length)
  const body = new Uint8Array(values.reduce((sum, { arrayBytes }) => sum + arrayBytes, arraysAt))
  new DataView(body.buffer).setUint32(0, header.length, true)
  body.set(header, prefixBytes)
  let at = arraysAt
  for (const { arrays } of values)
    for (const array of arrays) {
      body.set(array, at)
      at += padded(array.length)
    }
  return body
}

/**
 * Reads values from an untrusted body. Typed arrays are views of the body, which from then on belongs to the values.
 * `refOf` makes refs from names. @throws LINK_VALUE
 */
export function valuesOf(body: Uint8Array<ArrayBuffer>, refOf: (name: RefName) => Addressee): readonly unknown[] {
  if (body.length < prefixBytes) throw linkError('LINK_VALUE', { found: 'a body without a header' })
  // Views of typed arrays need an aligned beginning.
  const bytes = body.byteOffset % alignment === 0 ? body : body.slice()
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const header = unpack(bytes.subarray(prefixBytes, prefixBytes + headerBytes))
  let at = prefixBytes + padded(headerBytes)

  function restored(part: unknown): unknown {
    if (typeof part !== 'object' || part === null) return part
    if (part instanceof Uint8Array) return special(part)
    if (Array.isArray(part)) {
      for (const [index, item] of part.entries()) if (typeof item === 'object') part[index] = restored(item)
      return part
    }
    return Object.fromEntries(Object.entries(part).map(([name, field]) => [name, restored(field)]))
  }

  function special(given: Uint8Array): unknown {
    const view = new DataView(given.buffer, given.byteOffset, given.byteLength)
    switch (given[0]) {
      case kinds.receiverRef:
      case kinds.senderRef:
        return refOf(refName(view))
      case kinds.array:
        return array(view)
      case kinds.error:
        return error(given.subarray(1))
      case kinds.bigint:
        return bigint(given)
      case kinds.nothing:
        return undefined
      default:
        throw linkError('LINK_VALUE', { found: `a value of the unknown kind ${given[0]}` })
    }
  }

  function array(view: DataView): unknown {
    const Type = view.byteLength === 6 ? arrayTypes[view.getUint8(1)] : undefined
    const length = Type ? view.getUint32(2, true) : 0
    if (!Type || length % Type.BYTES_PER_ELEMENT !== 0 || at + length > bytes.length)
      throw linkError('LINK_VALUE', { found: 'an incomplete typed array' })
    const from = bytes.byteOffset + at
    at += padded(length)
    return new Type(bytes.buffer, from, length / Type.BYTES_PER_ELEMENT)
  }

  if (!Array.isArray(header)) throw linkError('LINK_VALUE', { found: 'a header that is no list' })
  const values = header.map(restored)
  if (at !== bytes.length) throw linkError('LINK_VALUE', { found: 'a body with unused bytes' })
  return values
}

function padded(length: number): number {
  return Math.ceil(length / alignment) * alignment
}

function withKind(kind: number, bytes: Uint8Array): Uint8Array {
  const place = new Uint8Array(1 + bytes.length)
  place[0] = kind
  place.set(bytes, 1)
  return place
}

function refBytes(name: RefName): Uint8Array {
  const path = name.of === 'sender' ? new TextEncoder().encode(name.path) : new Uint8Array()
  const place = new Uint8Array(9 + path.length)
  place[0] = name.of === 'sender' ? kinds.senderRef : kinds.receiverRef
  new DataView(place.buffer).setFloat64(1, name.number, true)
  place.set(path, 9)
  return place
}

const mostPathBytes = 2000

function refName(view: DataView): RefName {
  const isSenders = view.getUint8(0) === kinds.senderRef
  const pathBytes = view.byteLength - 9
  if (pathBytes < 0 || pathBytes > (isSenders ? mostPathBytes : 0))
    throw linkError('LINK_VALUE', { found: 'a ref of another length' })
  const number = view.getFloat64(1, true)
  if (!Number.isSafeInteger(number)) throw linkError('LINK_VALUE', { found: `a ref of the number ${number}` })
  if (!isSenders) return { of: 'receiver', number }
  const path = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + 9, pathBytes))
  return { of: 'sender', number, path }
}

function error(bytes: Uint8Array): Error {
  const decoded = decodePackedError(unpack(bytes))
  if (decoded) return unpackError(decoded)
  throw linkError('LINK_VALUE', { found: 'an invalid error' })
}

/** Sign and hexadecimal digits, for integers of any size, such as exact sums of metrics. */
function bigintBytes(value: bigint): Uint8Array {
  const digits = (value < 0n ? -value : value).toString(16)
  if (digits.length > mostBigintDigits)
    throw linkError('LINK_VALUE', { found: `a bigint of more than ${mostBigintDigits} hexadecimal digits` })
  return withKind(kinds.bigint, new TextEncoder().encode((value < 0n ? '-' : '+') + digits))
}

function bigint(given: Uint8Array): bigint {
  const text = new TextDecoder().decode(given.subarray(1, 2 + mostBigintDigits))
  if (given.length > 2 + mostBigintDigits || !/^[+-][\da-f]+$/.test(text))
    throw linkError('LINK_VALUE', { found: 'an invalid bigint' })
  const magnitude = BigInt(`0x${text.slice(1)}`)
  return text.startsWith('-') ? -magnitude : magnitude
}
