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
 * bytes) in MessagePack. Equal values with fields in the same order give the same bytes. −0 comes back as 0, and half of a
 * surrogate pair as U+FFFD. STORE_VALUE names a value that can't be stored.
 */
export function encode(value: unknown): Uint8Array {
  check(value, 'value')
  const packed = packr.pack(value)
  // The packer's buffer is larger, and the packer uses the buffer again.
  return Uint8Array.from(packed)
}

/** Decodes bytes that `encode` made; arrays are the caller's own. STORE_BYTES for bytes that are recognisably other ones. */
export function decode(bytes: Uint8Array): unknown {
  try {
    // The unpacker leaves a property on its argument, so it gets a view of its own.
    return packr.unpack(bytes.subarray())
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw storeError('STORE_BYTES', { length: bytes.length, found: found.slice(0, 200) }, { cause })
  }
}

function check(value: unknown, path: string, within: readonly object[] = []): void {
  switch (typeof value) {
    case 'function':
    case 'symbol':
      throw storeError('STORE_VALUE', { path, found: `a ${typeof value}` })
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value)
        throw storeError('STORE_VALUE', { path, found: 'a bigint of more than 64 bits' })
      return
    case 'object':
      if (value === null || ArrayBuffer.isView(value)) return
      if (within.includes(value)) throw storeError('STORE_VALUE', { path, found: 'a cycle' })
      checkParts(value, path, [...within, value])
  }
}

function checkParts(value: object, path: string, within: readonly object[]): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) check(item, `${path}[${index}]`, within)
    return
  }
  if (!isPlain(value)) throw storeError('STORE_VALUE', { path, found: 'an instance of a class' })
  for (const [name, field] of Object.entries(value)) {
    // The decoder would give the field another name.
    if (name === '__proto__') throw storeError('STORE_VALUE', { path, found: 'an object with a field __proto__' })
    check(field, `${path}.${name}`, within)
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
