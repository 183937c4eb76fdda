import { Packr, Unpackr } from 'msgpackr'
import { linkError } from './errors.ts'

const plain = { moreTypes: false, int64AsType: 'number' } as const
const maps = new Packr({ ...plain, useRecords: false })
const records = new Packr({ ...plain, useRecords: true })
// Apart from the packers, since an unpacker shares its records with its packer.
const unpackr = new Unpackr({ ...plain, mapsAsObjects: true })

/** Most levels of objects within objects. */
export const mostLevels = 100

/** From this number of messages on, the names of their fields are packed once. A record's reader costs a compilation. */
const recordsFrom = 32

/** Packs plain objects, arrays, texts, numbers, booleans, null and bytes as MessagePack. */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  // A copy, since the packer's buffer is larger.
  return new Uint8Array(maps.pack(value))
}

/** Packs a list of values, which represents this number of messages, with msgpackr's records for many messages. */
export function packMessages(values: readonly unknown[], count: number): Uint8Array {
  return (count < recordsFrom ? maps : records).pack(values)
}

/** An unpacked value, and whether it contains bytes anywhere. */
export interface Unpacked {
  readonly value: unknown
  readonly hasBytes: boolean
}

/**
 * Unpacks untrusted MessagePack. Takes memory in proportion to the bytes. Returns only plain objects, arrays, texts,
 * numbers, booleans, null and Uint8Arrays. LINK_VALUE for other bytes.
 */
export function unpack(bytes: Uint8Array): unknown {
  return unpackMessages(bytes).value
}

/** As `unpack`, for `packMessages`. */
export function unpackMessages(bytes: Uint8Array): Unpacked {
  const hasBytes = scan(bytes)
  try {
    return { value: unpackr.unpack(bytes), hasBytes }
  } catch (cause) {
    throw linkError('LINK_VALUE', { found: `invalid MessagePack (${String(cause).slice(0, 200)})` }, { cause })
  }
}

/** By kind: 1 + the number of bytes of a value of fixed length. 0: another kind. */
const fixedBytes = new Uint8Array(256).fill(1, 0, 0x80).fill(1, 0xe0)
for (const kind of [0xc0, 0xc2, 0xc3]) fixedBytes[kind] = 1
for (const [bytes, ...sameLength] of [
  [1, 0xcc, 0xd0],
  [2, 0xcd, 0xd1],
  [4, 0xca, 0xce, 0xd2],
  [8, 0xcb, 0xcf, 0xd3],
] as const)
  for (const kind of sameLength) fixedBytes[kind] = 1 + bytes
for (let kind = 0xa0; kind < 0xc0; kind++) fixedBytes[kind] = 1 + (kind & 0x1f)

/**
 * Checks MessagePack without unpacking it, since msgpackr allocates arrays of any length that a header claims, and
 * makes dates, sets, expressions and functions from extensions. Permits the extension for records: a list of names,
 * followed by the values of the first. Returns whether there are bytes.
 */
function scan(bytes: Uint8Array): boolean {
  const end = bytes.length
  /** By level: the number of values still to come in the open collection. */
  const open = new Uint32Array(mostLevels + 3)
  open[0] = 1
  let level = 0
  let pending = 1
  let at = 0
  let hasBytes = false
  /** By id: 1 + the number of fields of a record. */
  let fields: Uint32Array | undefined

  const length = (size: 1 | 2 | 4): number => {
    const from = at
    at += size
    if (at > end) throw refused('ends too early')
    let value = 0
    for (let index = from; index < at; index++) value = value * 256 + (bytes[index] ?? 0)
    return value
  }
  const skip = (bytesToSkip: number): void => void (at += bytesToSkip)
  const collection = (values: number): void => {
    pending += values
    if (pending > end - at) throw refused('claims more values than it has bytes')
    if (values === 0) return
    level += 1
    if (level >= open.length) throw refused(`has more than ${mostLevels} levels`)
    open[level] = values
  }
  const record = (): void => {
    if (bytes[at] !== 0x72) throw refused('has an extension')
    const id = bytes[at + 1] ?? 0
    const names = bytes[at + 2] ?? 0
    at += 3
    if (at > end || id < 0x40 || id >= 0x80) throw refused('has a record without an id')
    const count = names >= 0x90 && names < 0xa0 ? names & 0x0f : names === 0xdc ? length(2) : -1
    if (count < 0) throw refused('has a record without names')
    for (let name = 0; name < count; name++) {
      const kind = bytes[at++] ?? 0
      if (kind >= 0xa0 && kind < 0xc0) at += kind & 0x1f
      else if (kind === 0xd9) skip(length(1))
      else if (kind === 0xda) skip(length(2))
      else throw refused('has a record without names')
      if (at > end) throw refused('ends too early')
    }
    fields ??= new Uint32Array(64)
    fields[id & 0x3f] = 1 + count
    collection(count)
  }
  for (;;) {
    while (open[level] === 0) {
      if (level === 0) {
        if (at !== end) throw refused('has bytes after its end')
        return hasBytes
      }
      level -= 1
    }
    open[level] = (open[level] ?? 0) - 1
    pending -= 1
    if (at >= end) throw refused('ends too early')
    const kind = bytes[at] ?? 0
    if (fields !== undefined && kind >= 0x40 && kind < 0x80) {
      const known = fields[kind & 0x3f] ?? 0
      at += 1
      if (known > 0) collection(known - 1)
      continue
    }
    const fixed = fixedBytes[kind] ?? 0
    if (fixed > 0) {
      at += fixed
      if (at > end) throw refused('ends too early')
      continue
    }
    at += 1
    if (kind < 0x90) collection(2 * (kind & 0x0f))
    else if (kind < 0xa0) collection(kind & 0x0f)
    else variable(kind)
    if (at > end) throw refused('ends too early')
  }

  function variable(kind: number): void {
    switch (kind) {
      case 0xc4:
      case 0xc5:
      case 0xc6:
        hasBytes = true
        skip(length(kind === 0xc4 ? 1 : kind === 0xc5 ? 2 : 4))
        return
      case 0xd9:
      case 0xda:
      case 0xdb:
        skip(length(kind === 0xd9 ? 1 : kind === 0xda ? 2 : 4))
        return
      case 0xdc:
      case 0xdd:
        return collection(length(kind === 0xdc ? 2 : 4))
      case 0xde:
      case 0xdf:
        return collection(2 * length(kind === 0xde ? 2 : 4))
      case 0xd4:
        return record()
      default:
        throw refused(`has the unknown kind ${kind}`)
    }
  }
}

function refused(found: string): Error {
  return linkError('LINK_VALUE', { found: `MessagePack that ${found}` })
}
