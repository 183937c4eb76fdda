import { storeError } from './errors.ts'
import type { DocumentFields, DocumentValue } from './store.ts'

const longestBytes = 500
const utf8 = new TextEncoder()

/** Control characters, which adapters keep and list differently, and halves of surrogate pairs, which UTF-8 can't hold. */
const refusedCharacter = /[\p{Cc}\p{Surrogate}]/u

/** Throws STORE_KEY unless every store takes all of these keys. */
export function checkKeys(...keys: readonly string[]): void {
  for (const key of keys) {
    const bytes = utf8.encode(key).length
    if (bytes === 0 || bytes > longestBytes) throw storeError('STORE_KEY', { found: `${bytes} bytes` })
    const character = refusedCharacter.exec(key)?.[0]
    if (character !== undefined) throw storeError('STORE_KEY', { found: JSON.stringify(character) })
  }
}

/** Compares keys by UTF-8 bytes, the order in which every store lists. */
export function compareKeys(a: string, b: string): number {
  const [first, second] = [utf8.encode(a), utf8.encode(b)]
  const length = Math.min(first.length, second.length)
  for (let i = 0; i < length; i++) {
    const difference = (first[i] ?? 0) - (second[i] ?? 0)
    if (difference !== 0) return difference
  }
  return first.length - second.length
}

/** A range of ids: after one id and before another. Undefined bounds mean from the first, to the last. */
export interface KeyRange {
  readonly after: string | undefined
  readonly until: string | undefined
}

/** Makes the range of ids that come after `after` and, given a prefix `below`, begin with the prefix and are longer. */
export function rangeOf({ after, below }: { readonly after?: string; readonly below?: string }): KeyRange {
  if (below === undefined) return { after, until: undefined }
  const isBeyond = after !== undefined && compareKeys(after, below) > 0
  return { after: isBeyond ? after : below, until: successorOf(below) }
}

/** Gives the first text behind all texts with this prefix; undefined if no text is behind them. */
function successorOf(prefix: string): string | undefined {
  const characters = [...prefix]
  for (;;) {
    const last = characters.pop()?.codePointAt(0)
    if (last === undefined) return undefined
    // The code points after 0xd7ff are surrogates, which are no characters.
    if (last < 0x10ffff) return characters.join('') + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1)
  }
}

/** An object on the way to a value, for the detection of cycles, and for the path of a refused value. */
export interface Within {
  readonly object: object
  /** The object's name, or index, in the object around it. Of the outermost: a word for the whole value. */
  readonly name: string | number
  readonly around: Within | undefined
}

/** Whether a value contains itself. */
export function isCycle(value: object, within: Within | undefined): boolean {
  for (let each = within; each; each = each.around) if (each.object === value) return true
  return false
}

/** The path of a value of this name, such as `fields.lists[2].name`. Made for refusals alone, since it takes time. */
export function pathWithin(name: string | number, within: Within | undefined): string {
  if (!within) return String(name)
  const around = pathWithin(within.name, within.around)
  return typeof name === 'number' ? `${around}[${name}]` : `${around}.${name}`
}

/** Copies a document's fields, as every store keeps them; −0 becomes 0. STORE_VALUE names a field that is no plain JSON. */
export function copyFields(fields: DocumentFields): DocumentFields {
  return copyObject(fields, 'fields', undefined)
}

function copyObject(object: object, name: string | number, around: Within | undefined): DocumentFields {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== null && prototype !== Object.prototype) throw refused('an instance of a class', name, around)
  const within = { object, name, around }
  const copy: Record<string, DocumentValue> = {}
  for (const [field, value] of Object.entries(object)) {
    if (field === '__proto__') throw refused('a field named __proto__', name, around)
    copy[field] = copyValue(value, field, within)
  }
  return copy
}

function copyValue(value: unknown, name: string | number, within: Within): DocumentValue {
  switch (typeof value) {
    case 'string':
      if (!isWellFormed(value)) throw refused('a string with half of a surrogate pair', name, within)
      return value
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw refused(String(value), name, within)
      return value === 0 ? 0 : value
    case 'object': {
      if (value === null) return value
      if (isCycle(value, within)) throw refused('a cycle', name, within)
      if (!Array.isArray(value)) return copyObject(value, name, within)
      const inList = { object: value, name, around: within }
      return Array.from(value, (item: unknown, index) => copyValue(item, index, inList))
    }
    default:
      throw refused(typeof value, name, within)
  }
}

/** Most texts are ASCII, in which a half of a surrogate pair needn't be looked for. */
const otherThanAscii = /[^\0-\x7f]/

function isWellFormed(text: string): boolean {
  return !otherThanAscii.test(text) || !/\p{Surrogate}/u.test(text)
}

function refused(found: string, name: string | number, within: Within | undefined): Error {
  return storeError('STORE_VALUE', { path: pathWithin(name, within), found })
}

/** Size of the chunks in which stores keep and give blobs. */
const chunkBytes = 256 * 1024

/** Divides a source's bytes into chunks of 256 KiB; the last chunk may be shorter. */
export async function* rechunked(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let chunk = new Uint8Array(chunkBytes)
  let filled = 0
  for await (const bytes of source) {
    for (let from = 0; from < bytes.length; ) {
      const part = bytes.subarray(from, from + chunkBytes - filled)
      chunk.set(part, filled)
      filled += part.length
      from += part.length
      if (filled < chunkBytes) continue
      yield chunk
      chunk = new Uint8Array(chunkBytes)
      filled = 0
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}
