import { decodePackedError, packError, unpackError } from '../errors/coded-error.ts'
import { Addressee } from '../kernel/addressee.ts'
import { linkError } from './errors.ts'
import { mostLevels, pack, packMessages, unpack, unpackMessages } from './message-pack.ts'

/** The name of a ref for the node at the other end: a number in this node's own table, or in the sender's. */
export type RefName =
  | { readonly of: 'receiver'; readonly number: number }
  | { readonly of: 'sender'; readonly number: number; readonly path: string }

/** Bytes that are laid out one after the other, without a copy. */
export interface Pieces {
  readonly pieces: readonly Uint8Array[]
  readonly bytes: number
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

const none = Uint8Array.of(kinds.nothing)
const padding = new Uint8Array(alignment)

/**
 * Messages that are packed together. They share plain parts and typed arrays with the originals, which must not change
 * until the messages have been sent.
 */
export class Batch {
  readonly #nameOf: (ref: Addressee) => RefName
  /** The fields of all messages, in one list. */
  fields: unknown[] = []
  /** Bytes of the typed arrays, in the order in which the fields refer to them. */
  arrays: Uint8Array[] = []
  arrayBytes = 0
  count = 0
  /** Where the last message begins. */
  #last = { field: 0, array: 0, arrayBytes: 0 }

  constructor(nameOf: (ref: Addressee) => RefName) {
    this.#nameOf = nameOf
  }

  /** Bytes of the last message's typed arrays. */
  get lastArrayBytes(): number {
    return this.arrayBytes - this.#last.arrayBytes
  }

  /**
   * Adds the fields of a message: checks that they can be sent, packs errors, names refs by `nameOf`, and collects the
   * typed arrays. −0 arrives as 0, and half of a surrogate pair as U+FFFD. LINK_VALUE, or as `nameOf` throws; then
   * nothing was added.
   */
  add(message: readonly unknown[]): void {
    this.#begin()
    try {
      for (let index = 0; index < message.length; index++) this.fields.push(this.#plain(message[index], mostLevels))
    } catch (cause) {
      this.takeLast()
      throw cause
    }
  }

  /** Takes the last message out again. */
  takeLast(): Batch {
    const taken = new Batch(this.#nameOf)
    taken.fields = this.fields.splice(this.#last.field)
    taken.arrays = this.arrays.splice(this.#last.array)
    taken.arrayBytes = this.lastArrayBytes
    taken.count = 1
    this.arrayBytes = this.#last.arrayBytes
    this.count -= 1
    return taken
  }

  /** Adds the only message of another batch. */
  append({ fields, arrays, arrayBytes }: Batch): void {
    this.#begin()
    for (const field of fields) this.fields.push(field)
    for (const array of arrays) this.arrays.push(array)
    this.arrayBytes += arrayBytes
  }

  #begin(): void {
    const last = this.#last
    last.field = this.fields.length
    last.array = this.arrays.length
    last.arrayBytes = this.arrayBytes
    this.count += 1
  }

  /** The part itself, if it is plain, so that most messages aren't copied. */
  #plain(part: unknown, levels: number): unknown {
    switch (typeof part) {
      case 'string':
      case 'number':
      case 'boolean':
        return part
      case 'undefined':
        return none
      case 'bigint':
        return bigintBytes(part)
      case 'object':
        if (part === null) return part
        if (levels === 0) throw linkError('LINK_VALUE', { found: `a value of more than ${mostLevels} levels` })
        return Array.isArray(part) ? this.#plainList(part, levels - 1) : this.#plainObject(part, levels - 1)
      default:
        throw linkError('LINK_VALUE', { found: `a ${typeof part}` })
    }
  }

  #plainList(list: readonly unknown[], levels: number): readonly unknown[] {
    let changed: unknown[] | undefined
    for (let index = 0; index < list.length; index++) {
      const item = list[index]
      const made = this.#plain(item, levels)
      if (made !== item) {
        changed ??= [...list]
        changed[index] = made
      }
    }
    return changed ?? list
  }

  #plainObject(part: object, levels: number): unknown {
    if (isRecord(part)) {
      let changed: Record<string, unknown> | undefined
      for (const name in part) {
        if (name === '__proto__') throw linkError('LINK_VALUE', { found: 'an object with a field __proto__' })
        const field = part[name]
        const made = this.#plain(field, levels)
        if (made !== field) {
          changed ??= { ...part }
          changed[name] = made
        }
      }
      return changed ?? part
    }
    if (part instanceof Addressee) return refBytes(this.#nameOf(part))
    if (ArrayBuffer.isView(part)) return this.#arrayPlace(part)
    if (part instanceof Error) return withKind(kinds.error, pack(packError(part)))
    throw linkError('LINK_VALUE', { found: 'an instance of a class' })
  }

  #arrayPlace(array: ArrayBufferView): Uint8Array {
    const type = arrayTypes.findIndex((known) => array instanceof known)
    if (type < 0) throw linkError('LINK_VALUE', { found: 'a DataView' })
    this.arrays.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    this.arrayBytes += padded(array.byteLength)
    const place = new DataView(new ArrayBuffer(6))
    place.setUint8(0, kinds.array)
    place.setUint8(1, type)
    place.setUint32(2, array.byteLength, true)
    return new Uint8Array(place.buffer)
  }
}

/** Lays a batch out: length of the header, header in MessagePack, arrays; each padded to 8 bytes. */
export function piecesOf({ fields, arrays, arrayBytes, count }: Batch): Pieces {
  const header = packMessages(fields, count)
  const start = new Uint8Array(prefixBytes + padded(header.length))
  new DataView(start.buffer).setUint32(0, header.length, true)
  start.set(header, prefixBytes)
  const pieces: Uint8Array[] = [start]
  for (const array of arrays) {
    pieces.push(array)
    const over = padded(array.length) - array.length
    if (over > 0) pieces.push(padding.subarray(0, over))
  }
  return { pieces, bytes: start.length + arrayBytes }
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
  const { value: header, hasBytes } = unpackMessages(bytes.subarray(prefixBytes, prefixBytes + headerBytes))
  let at = prefixBytes + padded(headerBytes)

  /** Replaces bytes by the values that they represent, in place. */
  function restored(part: unknown): unknown {
    if (typeof part !== 'object' || part === null) return part
    if (part instanceof Uint8Array) return special(part)
    if (Array.isArray(part)) {
      for (let index = 0; index < part.length; index++)
        if (typeof part[index] === 'object') part[index] = restored(part[index])
      return part
    }
    if (isRecord(part)) for (const name in part) if (typeof part[name] === 'object') part[name] = restored(part[name])
    return part
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
  const values: readonly unknown[] = hasBytes ? header.map(restored) : header
  if (at !== bytes.length) throw linkError('LINK_VALUE', { found: 'a body with unused bytes' })
  return values
}

function isRecord(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
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
