import { Packr } from 'msgpackr'
import { storeError } from './errors.ts'

const packr = new Packr({
  useRecords: false,
  moreTypes: true,
  int64AsType: 'bigint',
  copyBuffers: true,
})

/**
 * Encodes plain objects, arrays, numbers, strings, booleans, null, undefined, bigints of 64 bits and typed arrays (as raw
 * bytes) in MessagePack. The same value, its fields in the same order, gives the same bytes. −0 comes back as 0, and half of a
 * surrogate pair as U+FFFD. STORE_VALUE names what can't be stored.
 */
export function encode(value: unknown): Uint8Array {
  check(value, 'value')
  const packed = packr.pack(value)
  // The packer's buffer is larger and used again.
  return Uint8Array.from(packed)
}

/** Decodes what `encode` made; arrays are the caller's own. STORE_BYTES for other bytes, as far as they can be told. */
export function decode(bytes: Uint8Array): unknown {
  try {
    // A view of its own: the unpacker leaves a property on what it's given.
    return packr.unpack(bytes.subarray())
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw storeError('STORE_BYTES', { length: bytes.length, found: found.slice(0, 200) }, { cause })
  }
}

function check(value: unknown, place: string, within: readonly object[] = []): void {
  switch (typeof value) {
    case 'function':
    case 'symbol':
      throw storeError('STORE_VALUE', { place, found: `a ${typeof value}` })
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value)
        throw storeError('STORE_VALUE', { place, found: 'a bigint of more than 64 bits' })
      return
    case 'object':
      if (value === null || ArrayBuffer.isView(value)) return
      if (within.includes(value)) throw storeError('STORE_VALUE', { place, found: 'a cycle' })
      checkParts(value, place, [...within, value])
  }
}

function checkParts(value: object, place: string, within: readonly object[]): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) check(item, `${place}[${index}]`, within)
    return
  }
  if (!isPlain(value)) throw storeError('STORE_VALUE', { place, found: 'an instance of a class' })
  for (const [name, field] of Object.entries(value)) {
    // The decoder would give it another name.
    if (name === '__proto__') throw storeError('STORE_VALUE', { place, found: 'an object with a field __proto__' })
    check(field, `${place}.${name}`, within)
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
