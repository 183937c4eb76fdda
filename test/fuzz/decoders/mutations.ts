import fc from 'fast-check'

/** Most bytes of an input, so that a decoder's memory can be judged by it. */
const mostBytes = 64 * 1024

const anyIndex = fc.nat(2 ** 31 - 1)
const span = fc.oneof({ arbitrary: fc.integer({ min: 1, max: 9 }), weight: 4 }, fc.integer({ min: 10, max: 600 }))
/** Numbers at which lengths and counts often go wrong. */
const edges = [0, 1, 2, 3, -1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 2 ** 53]

type Change<Whole> = (whole: Whole) => Whole

/** Valid inputs, and inputs that a few changes make of valid ones. */
function changed<Whole>(samples: readonly Whole[], change: fc.Arbitrary<Change<Whole>>): fc.Arbitrary<Whole> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(change, { maxLength: 6, size: 'max' }))
    .map(([sample, changes]) => changes.reduce((whole, apply) => apply(whole), sample))
}

/**
 * Bytes similar to the samples: with other bits and numbers, and with parts removed, repeated, or taken from another
 * sample.
 */
export function mutatedBytes(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const written = fc.tuple(anyIndex, fc.constantFrom(...edges), fc.constantFrom(1, 2, 4, 8), fc.boolean())
  const change = fc.oneof(
    fc.tuple(anyIndex, fc.nat(7)).map(([at, bit]) => inPlace((bytes) => flip(bytes, at, bit))),
    fc
      .tuple(anyIndex, fc.nat(255))
      .map(([at, byte]) => inPlace((bytes) => bytes.fill(byte, at % bytes.length, (at % bytes.length) + 1))),
    written.map(([at, value, width, isLittle]) => inPlace((bytes) => write(bytes, at, value, width, isLittle))),
    fc.tuple(anyIndex, span).map(([at, length]) => spliced(at, length, () => new Uint8Array())),
    fc.tuple(anyIndex, fc.uint8Array({ maxLength: 32 })).map(([at, bytes]) => spliced(at, 0, () => bytes)),
    fc
      .tuple(anyIndex, span, fc.integer({ min: 2, max: 40 }))
      .map(([at, length, times]) => spliced(at, length, (bytes) => joined(Array.from({ length: times }, () => bytes)))),
    anyIndex.map(
      (at): Change<Uint8Array> =>
        (bytes) =>
          bytes.slice(0, bytes.length === 0 ? 0 : at % bytes.length),
    ),
    fc
      .tuple(anyIndex, fc.constantFrom(...samples), anyIndex)
      .map(([at, other, from]) => spliced(at, 2 ** 31, () => other.slice(from % (other.length + 1)))),
  )
  return changed(samples, change).map((bytes) => bytes.slice(0, mostBytes))
}

function inPlace(edit: (bytes: Uint8Array) => void): Change<Uint8Array> {
  return (bytes) => {
    if (bytes.length === 0) return bytes
    const copy = Uint8Array.from(bytes)
    edit(copy)
    return copy
  }
}

function flip(bytes: Uint8Array, at: number, bit: number): void {
  const index = at % bytes.length
  bytes[index] = (bytes[index] ?? 0) ^ (1 << bit)
}

function write(bytes: Uint8Array, at: number, value: number, width: number, isLittle: boolean): void {
  const number = BigInt(value)
  for (let byte = 0; byte < width; byte++) {
    const shift = BigInt(8 * (isLittle ? byte : width - 1 - byte))
    bytes[(at + byte) % bytes.length] = Number((number >> shift) & 0xffn)
  }
}

function spliced(at: number, length: number, made: (bytes: Uint8Array) => Uint8Array): Change<Uint8Array> {
  return (bytes) => {
    const from = at % (bytes.length + 1)
    const to = Math.min(bytes.length, from + length)
    return joined([bytes.subarray(0, from), made(bytes.subarray(from, to)), bytes.subarray(to)])
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts).subarray(0, mostBytes))
}

/** Texts with a meaning to some decoder. */
const usual = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'null', 'true', 'NaN', '1e999', '-1', '0', '0x10'],
  ...[
    '"',
    "'",
    '\\',
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '<',
    '>',
    ':',
    ';',
    ',',
    '=',
    '&',
    '*',
    '%',
    '%00',
    '%ff',
    '#',
    '|',
  ],
  ...[
    '\u0000',
    '\n',
    '\r\n',
    '\t',
    ' ',
    '\ud800',
    '\ufeff',
    'é',
    '\u202e',
    '..',
    '/',
    '//',
    '://',
    '@',
    '?',
    '!!js/function',
  ],
  ...['9'.repeat(400), '['.repeat(300), '{"a":'.repeat(200), '- '.repeat(200), ' '.repeat(500), '&a [*a,*a]'],
]

/** Texts similar to the samples, with these words mixed in. */
export function mutatedText(samples: readonly string[], words: readonly string[] = []): fc.Arbitrary<string> {
  const word = fc.oneof(fc.constantFrom(...usual, ...words), fc.string({ unit: 'binary', maxLength: 4 }))
  const replaced = (at: number, length: number, made: (part: string) => string) => (text: string) => {
    const from = at % (text.length + 1)
    return text.slice(0, from) + made(text.slice(from, from + length)) + text.slice(from + length)
  }
  const change = fc.oneof(
    fc.tuple(anyIndex, word).map(([at, made]) => replaced(at, 0, () => made)),
    fc.tuple(anyIndex, span, word).map(([at, length, made]) => replaced(at, length, () => made)),
    fc.tuple(anyIndex, span).map(([at, length]) => replaced(at, length, () => '')),
    fc
      .tuple(anyIndex, span, fc.integer({ min: 2, max: 200 }))
      .map(([at, length, times]) => replaced(at, length, (part) => part.repeat(times).slice(0, mostBytes))),
    anyIndex.map((at) => (text: string) => text.slice(0, at % (text.length + 1))),
    fc
      .tuple(anyIndex, fc.constantFrom(...samples), anyIndex)
      .map(([at, other, from]) => replaced(at, 2 ** 31, () => other.slice(from % (other.length + 1)))),
  )
  return changed(samples, change).map((text) => text.slice(0, mostBytes))
}

/** Values that resemble expected values a little. */
const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e308,
    2 ** 53,
    '',
    'a',
    '__proto__',
    '\ud800',
    '\u0000',
    [],
    {},
  ),
  fc.constantFrom<unknown>(
    'x'.repeat(5000),
    Array.from({ length: 300 }, () => 0),
    JSON.parse('{"__proto__": {"a": 1}}'),
  ),
  fc.jsonValue({ maxDepth: 2 }),
)
const names = ['__proto__', 'constructor', 'prototype', 'toString', 'length', '', 'a', '//', 'id', 'name']

/** JSON similar to the samples: with other values and names, and with parts removed, doubled or moved. */
export function mutatedJson(samples: readonly unknown[]): fc.Arbitrary<unknown> {
  const change = fc.oneof(
    fc.tuple(anyIndex, junk).map(([at, made]) => partOf(at, () => made)),
    fc
      .tuple(anyIndex, fc.constantFrom(...names), junk)
      .map(([at, name, made]) => partOf(at, (part) => withField(part, name, made))),
    fc.tuple(anyIndex, anyIndex).map(([at, which]) => partOf(at, (part) => without(part, which))),
    fc.tuple(anyIndex, fc.integer({ min: 1, max: 90 })).map(([at, depth]) => partOf(at, (part) => nested(part, depth))),
    fc.tuple(anyIndex, fc.integer({ min: 2, max: 50 })).map(([at, times]) => partOf(at, (part) => again(part, times))),
    fc.tuple(anyIndex, fc.constantFrom(...samples)).map(([at, other]) => partOf(at, () => other)),
  )
  return changed(samples, change).filter((value) => JSON.stringify(value).length <= mostBytes)
}

/** Changes one part of a value, chosen by a number. */
function partOf(which: number, change: (part: unknown) => unknown): Change<unknown> {
  return (value) => {
    let left = which % partsOf(value)
    const walk = (part: unknown): unknown => {
      if (left-- === 0) return change(part)
      if (Array.isArray(part)) return part.map(walk)
      if (typeof part !== 'object' || part === null) return part
      return Object.fromEntries(Object.entries(part).map(([name, field]): [string, unknown] => [name, walk(field)]))
    }
    return walk(value)
  }
}

function partsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce<number>((sum, part) => sum + partsOf(part), 1)
}

function withField(part: unknown, name: string, made: unknown): unknown {
  if (Array.isArray(part)) return [...part, made]
  return Object.fromEntries([...Object.entries(Object(part)), [name, made]])
}

function without(part: unknown, which: number): unknown {
  if (Array.isArray(part)) return part.toSpliced(which % (part.length + 1), 1)
  const entries = Object.entries(Object(part))
  return Object.fromEntries(entries.toSpliced(which % (entries.length + 1), 1))
}

function nested(part: unknown, depth: number): unknown {
  return depth === 0 ? part : [nested(part, depth - 1)]
}

function again(part: unknown, times: number): unknown {
  return Array.isArray(part)
    ? Array.from({ length: times }, () => part).flat()
    : Array.from({ length: times }, () => part)
}
