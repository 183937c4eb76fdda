import { PackReader, PackWriter } from '../packing/index.ts'
import { storeError } from './errors.ts'
import { isCycle, pathWithin, type Within } from './store-rules.ts'

/** Kinds of MessagePack's extensions, as msgpackr numbers them, and the places of typed arrays in its list. */
const extensions = { nothing: 0, array: 0x74 } as const
const arrayTypes = [
  Int8Array,
  Uint8Array,
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

const levels = 1000

/**
 * Encodes plain objects, arrays, numbers, strings, booleans, null, undefined, bigints of 64 bits and typed arrays (as raw
 * bytes) in MessagePack. Equal values with fields in the same order give the same bytes. −0 comes back as 0, and half of a
 * surrogate pair as U+FFFD. STORE_VALUE names a value that can't be stored.
 */
export function encode(value: unknown): Uint8Array {
  check(value, 'value')
  return encodeChecked(value)
}

/** As `encode`, of a value that was found to be fit, such as the copy of a document's fields. */
export function encodeChecked(value: unknown): Uint8Array {
  const refused = (found: string) => storeError('STORE_VALUE', { path: 'value', found })
  const writer = new PackWriter({ levels, refused, special: extensionOf, bigints: true, records: false })
  writer.value(value)
  return writer.taken()
}

/** Decodes bytes that `encode` made; arrays are the caller's own. STORE_BYTES for bytes that are recognisably other ones. */
export function decode(bytes: Uint8Array): unknown {
  const refused = (found: string) => storeError('STORE_BYTES', { length: bytes.length, found })
  const extension = (kind: number, given: Uint8Array) => {
    if (kind === extensions.nothing) return undefined
    const Type = kind === extensions.array ? arrayTypes[given[0] ?? -1] : undefined
    const length = given.length - 1
    if (!Type || length % Type.BYTES_PER_ELEMENT !== 0) throw refused(`MessagePack with an extension of kind ${kind}`)
    return new Type(given.slice(1).buffer)
  }
  return new PackReader(bytes, { levels, refused, extension, integer: (value) => value }).whole()
}

/** Bytes that represent undefined, and typed arrays. */
function extensionOf(value: unknown): { readonly kind: number; readonly bytes: Uint8Array } {
  if (!ArrayBuffer.isView(value)) return { kind: extensions.nothing, bytes: Uint8Array.of(0) }
  const bytes = new Uint8Array(1 + value.byteLength)
  bytes[0] = arrayTypes.findIndex((known) => value instanceof known)
  bytes.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), 1)
  return { kind: extensions.array, bytes }
}

function check(value: unknown, name: string | number, within?: Within): void {
  switch (typeof value) {
    case 'function':
    case 'symbol':
      throw unfit(`a ${typeof value}`, name, within)
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw unfit('a bigint of more than 64 bits', name, within)
      return
    case 'object':
      if (value instanceof DataView) throw unfit('a DataView', name, within)
      if (value === null || ArrayBuffer.isView(value)) return
      if (isCycle(value, within)) throw unfit('a cycle', name, within)
      checkParts(value, { object: value, name, around: within })
  }
}

function checkParts(value: object, within: Within): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) check(item, index, within)
    return
  }
  if (!isPlain(value)) throw unfit('an instance of a class', within.name, within.around)
  for (const [name, field] of Object.entries(value)) {
    // The decoder would give the field another name.
    if (name === '__proto__') throw unfit('an object with a field __proto__', within.name, within.around)
    check(field, name, within)
  }
}

function unfit(found: string, name: string | number, within: Within | undefined): Error {
  return storeError('STORE_VALUE', { path: pathWithin(name, within), found })
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
