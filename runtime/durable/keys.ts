import { storeError } from './errors.ts'

const longestBytes = 500
const utf8 = new TextEncoder()

/** Control characters, which no adapter could keep and list alike, and halves of surrogate pairs, which UTF-8 can't hold. */
const refused = /[\p{Cc}\p{Surrogate}]/u

/** Throws STORE_KEY unless these are keys that every store takes. */
export function checkKeys(...keys: readonly string[]): void {
  for (const key of keys) {
    const bytes = utf8.encode(key).length
    if (bytes === 0 || bytes > longestBytes) throw storeError('STORE_KEY', { found: `${bytes} bytes` })
    const character = refused.exec(key)?.[0]
    if (character !== undefined) throw storeError('STORE_KEY', { found: JSON.stringify(character) })
  }
}

/** Compares by UTF-8 bytes, the order in which every store lists. */
export function compareKeys(a: string, b: string): number {
  const [first, second] = [utf8.encode(a), utf8.encode(b)]
  const length = Math.min(first.length, second.length)
  for (let i = 0; i < length; i++) {
    const difference = (first[i] ?? 0) - (second[i] ?? 0)
    if (difference !== 0) return difference
  }
  return first.length - second.length
}

/** Ids after one and before another; undefined: from the first, to the last. */
export interface KeyRange {
  readonly after: string | undefined
  readonly until: string | undefined
}

/** Where ids lie that come after one, if any is given, and, if a prefix is, begin with that and are longer. */
export function rangeOf({ after, below }: { readonly after?: string; readonly below?: string }): KeyRange {
  if (below === undefined) return { after, until: undefined }
  const isBeyond = after !== undefined && compareKeys(after, below) > 0
  return { after: isBeyond ? after : below, until: successorOf(below) }
}

/** The first text behind all that begin with this; undefined if there is none. */
function successorOf(prefix: string): string | undefined {
  const characters = [...prefix]
  for (;;) {
    const last = characters.pop()?.codePointAt(0)
    if (last === undefined) return undefined
    // Behind 0xd7ff lie the surrogates, which are no characters.
    if (last < 0x10ffff) return characters.join('') + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1)
  }
}
