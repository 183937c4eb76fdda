import { decodePackedError, packError, unpackError } from '../errors/coded-error.ts'
import { Addressee } from '../kernel/addressee.ts'
import { PackReader, PackWriter } from '../packing/index.ts'
import { linkError } from './errors.ts'

/** The name of a ref for the node at the other end: a number in this node's own table, or in the sender's. */
export type RefName =
  | { readonly of: 'receiver'; readonly number: number }
  | { readonly of: 'sender'; readonly number: number; readonly path: string }

/** Bytes that are laid out one after the other, without a copy. */
export interface Pieces {
  readonly pieces: readonly Uint8Array[]
  readonly bytes: number
}

/** In the list, bytes represent a value that isn't plain. The first byte is its kind. */
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
/** Kind and length of a list of any length. */
const listBytes = 5
const mostBigintDigits = 2048

/** For values in messages. */
const rules = { levels: 100, refused: (found: string) => linkError('LINK_VALUE', { found }) }

/** Writes one value. LINK_VALUE for one that isn't plain. */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  const writer = new PackWriter(rules)
  writer.value(value)
  return writer.taken().slice()
}

/** Reads one untrusted value. Bytes come as they are. @throws LINK_VALUE */
export function unpack(bytes: Uint8Array): unknown {
  return new PackReader(bytes, rules).whole()
}

const none = Uint8Array.of(kinds.nothing)
const padding = new Uint8Array(alignment)

/**
 * Messages that are packed together, as a list of all their fields. They share typed arrays with the originals, which
 * must not change until the messages have been sent.
 */
export class Batch {
  readonly #nameOf: (ref: Addressee) => RefName
  readonly #writer: PackWriter
  #fields = 0
  /** Bytes of the typed arrays, in the order in which the fields refer to them. */
  readonly #arrays: Uint8Array[] = []
  #arrayBytes = 0
  #count = 0
  /** Where the last message begins. */
  readonly #last = { bytes: 0, fields: 0, arrays: 0, arrayBytes: 0 }

  /** `nameOf` names refs. `bytes`: how long the packed fields will probably be. */
  constructor(nameOf: (ref: Addressee) => RefName, bytes?: number) {
    this.#nameOf = nameOf
    this.#writer = new PackWriter({ ...rules, special: (value) => this.#bytesOf(value) }, bytes)
    this.#writer.skip(prefixBytes + listBytes)
  }

  /** Number of messages. */
  get count(): number {
    return this.#count
  }

  /** Length of the packed fields. */
  get bytes(): number {
    return this.#writer.length
  }

  /** Bytes of all typed arrays, and of the last message's. */
  get arrayBytes(): number {
    return this.#arrayBytes
  }

  get lastArrayBytes(): number {
    return this.#arrayBytes - this.#last.arrayBytes
  }

  /**
   * Adds the fields of a message: packs plain fields and errors, names refs by `nameOf`, and collects the typed arrays.
   * −0 arrives as 0, and half of a surrogate pair as U+FFFD. LINK_VALUE for other values, or as `nameOf` throws; then
   * nothing was added.
   */
  add(message: readonly unknown[]): void {
    this.#begin(message.length)
    try {
      for (let index = 0; index < message.length; index++) this.#writer.value(message[index])
    } catch (cause) {
      this.dropLast()
      throw cause
    }
  }

  /** As `add`, for a message of three fields, without a list of them. */
  addThree(first: number, second: number, third: unknown): void {
    this.#begin(3)
    try {
      this.#writer.value(first)
      this.#writer.value(second)
      this.#writer.value(third)
    } catch (cause) {
      this.dropLast()
      throw cause
    }
  }

  #begin(fields: number): void {
    const last = this.#last
    last.bytes = this.#writer.length
    last.fields = this.#fields
    last.arrays = this.#arrays.length
    last.arrayBytes = this.#arrayBytes
    this.#count += 1
    this.#fields += fields
  }

  /** Takes the last message out again, once. */
  dropLast(): void {
    const { bytes, fields, arrays, arrayBytes } = this.#last
    this.#writer.truncate(bytes)
    this.#fields = fields
    this.#arrays.length = arrays
    this.#arrayBytes = arrayBytes
    this.#count -= 1
  }

  /**
   * Lays the batch out, which ends it: length of the list, list in MessagePack, arrays; list and arrays are padded to 8
   * bytes.
   */
  pieces(): Pieces {
    const end = this.#writer.length
    const start = this.#writer.taken(padded(end))
    const view = new DataView(start.buffer, start.byteOffset)
    view.setUint32(0, end - prefixBytes, true)
    view.setUint8(prefixBytes, 0xdd)
    view.setUint32(prefixBytes + 1, this.#fields)
    const pieces: Uint8Array[] = [start]
    for (const array of this.#arrays) {
      pieces.push(array)
      const over = padded(array.length) - array.length
      if (over > 0) pieces.push(padding.subarray(0, over))
    }
    return { pieces, bytes: start.length + this.#arrayBytes }
  }

  #bytesOf(value: unknown): Uint8Array {
    if (value === undefined) return none
    if (typeof value === 'bigint') return bigintBytes(value)
    if (value instanceof Addressee) return refBytes(this.#nameOf(value))
    if (ArrayBuffer.isView(value)) return this.#arrayPlace(value)
    if (value instanceof Error) return withKind(kinds.error, pack(packError(value)))
    const found = typeof value === 'object' ? 'an instance of a class' : `a ${typeof value}`
    throw linkError('LINK_VALUE', { found })
  }

  #arrayPlace(array: ArrayBufferView): Uint8Array {
    const type = arrayTypes.findIndex((known) => array instanceof known)
    if (type < 0) throw linkError('LINK_VALUE', { found: 'a DataView' })
    this.#arrays.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    this.#arrayBytes += padded(array.byteLength)
    const place = new DataView(new ArrayBuffer(6))
    place.setUint8(0, kinds.array)
    place.setUint8(1, type)
    place.setUint32(2, array.byteLength, true)
    return new Uint8Array(place.buffer)
  }
}

/** Copies a part of the pieces: `into.length` bytes from `offset` on. */
export function copyPieces({ pieces }: Pieces, offset: number, into: Uint8Array): void {
  let skip = offset
  let at = 0
  for (const piece of pieces) {
    if (at === into.length) return
    if (skip >= piece.length) {
      skip -= piece.length
      continue
    }
    const end = Math.min(piece.length, skip + into.length - at)
    into.set(skip === 0 && end === piece.length ? piece : piece.subarray(skip, end), at)
    at += end - skip
    skip = 0
  }
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
  let at = prefixBytes + padded(headerBytes)
  const values = new PackReader(bytes.subarray(prefixBytes, prefixBytes + headerBytes), {
    ...rules,
    special,
  }).wholeList()
  if (at !== bytes.length) throw linkError('LINK_VALUE', { found: 'a body with unused bytes' })
  return values

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
