import type { Refused } from './pack-writer.ts'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
/** Longest text that is looked up among the texts that came last. */
const shortText = 24
/** Longest list that gets its memory before its items are read. */
const mostAtOnce = 4096
/** Short ASCII texts that came last, by a sum of some of their bytes: names and kinds come in nearly every message. */
const recent: string[] = Array.from({ length: 512 }, () => '')

export interface ReadRules {
  /** Most levels of objects within objects. */
  readonly levels: number
  /** Makes the error for bytes that are refused. */
  readonly refused: Refused
  /** Makes the value that bytes represent. Default: a copy of the bytes. */
  readonly special?: (bytes: Uint8Array) => unknown
  /** Makes the value that an extension represents, but for records. Default: extensions are refused. */
  readonly extension?: (kind: number, bytes: Uint8Array) => unknown
  /** Makes the value of an integer of 64 bits. Default: a number. */
  readonly integer?: (value: bigint) => unknown
}

/**
 * Reads untrusted MessagePack, with msgpackr's records (extension 0x72: a number and the names of fields, followed by
 * the values of the first record). Takes time and memory in proportion to the bytes. Returns only plain objects, arrays,
 * texts, numbers, booleans, null, and the values that the rules make. @throws what `refused` makes
 */
export class PackReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #rules: ReadRules
  readonly #special: (bytes: Uint8Array) => unknown
  readonly #end: number
  #at = 0
  /** By number: the names of a record's fields. */
  #records: (readonly string[] | undefined)[] | undefined

  constructor(bytes: Uint8Array, rules: ReadRules) {
    // A Buffer's slice shares its memory.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#rules = rules
    this.#special = rules.special ?? ((given) => given.slice())
    this.#end = bytes.length
  }

  /** Reads the only value. */
  whole(): unknown {
    return this.#ended(this.#value(this.#rules.levels + 1))
  }

  /** Reads the only value, a list. */
  wholeList(): readonly unknown[] {
    const kind = this.#integer(1)
    const isLong = kind === 0xdc || kind === 0xdd
    if (!isLong && (kind < 0x90 || kind > 0x9f)) throw this.#refused('is no list')
    const count = isLong ? this.#integer(kind === 0xdc ? 2 : 4) : kind & 0x0f
    this.#enter(count, this.#rules.levels)
    // This list alone has its length at once.
    const list: unknown[] = []
    if (count <= mostAtOnce) list.length = count
    for (let index = 0; index < count; index++) list[index] = this.#value(this.#rules.levels + 1)
    return this.#ended(list)
  }

  #ended<Value>(value: Value): Value {
    if (this.#at !== this.#end) throw this.#refused('has bytes after its end')
    return value
  }

  #value(levels: number): unknown {
    if (this.#at >= this.#end) throw this.#refused('ends too early')
    const kind = this.#bytes[this.#at++] ?? 0
    if (kind < 0x40) return kind
    if (kind < 0x80) {
      const names = this.#records?.[kind]
      return names ? this.#record(names, levels) : kind
    }
    if (kind >= 0xe0) return kind - 0x100
    if (kind >= 0xa0 && kind < 0xc0) return this.#text(kind & 0x1f)
    if (kind < 0x90) return this.#map(kind & 0x0f, levels)
    if (kind < 0xa0) return this.#list(kind & 0x0f, levels)
    return this.#longer(kind, levels)
  }

  #longer(kind: number, levels: number): unknown {
    switch (kind) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#special(this.#taken(this.#integer(1)))
      case 0xc5:
        return this.#special(this.#taken(this.#integer(2)))
      case 0xc6:
        return this.#special(this.#taken(this.#integer(4)))
      case 0xca:
        return this.#view.getFloat32(this.#step(4))
      case 0xcb:
        return this.#view.getFloat64(this.#step(8))
      case 0xcc:
        return this.#integer(1)
      case 0xcd:
        return this.#integer(2)
      case 0xce:
        return this.#integer(4)
      case 0xcf:
        return this.#long(this.#view.getBigUint64(this.#step(8)))
      case 0xd0:
        return this.#view.getInt8(this.#step(1))
      case 0xd1:
        return this.#view.getInt16(this.#step(2))
      case 0xd2:
        return this.#view.getInt32(this.#step(4))
      case 0xd3:
        return this.#long(this.#view.getBigInt64(this.#step(8)))
      case 0xc7:
        return this.#extension(this.#integer(1))
      case 0xc8:
        return this.#extension(this.#integer(2))
      case 0xc9:
        return this.#extension(this.#integer(4))
      case 0xd4:
        if (this.#bytes[this.#at] === 0x72) return this.#define(levels)
        return this.#extension(1)
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(2 ** (kind - 0xd4))
      case 0xd9:
        return this.#text(this.#integer(1))
      case 0xda:
        return this.#text(this.#integer(2))
      case 0xdb:
        return this.#text(this.#integer(4))
      case 0xdc:
        return this.#list(this.#integer(2), levels)
      case 0xdd:
        return this.#list(this.#integer(4), levels)
      case 0xde:
        return this.#map(this.#integer(2), levels)
      case 0xdf:
        return this.#map(this.#integer(4), levels)
      default:
        throw this.#refused(`has the unknown kind ${kind}`)
    }
  }

  /** Where the next bytes begin, after which reading goes on. */
  #step(bytes: number): number {
    const from = this.#at
    if (bytes > this.#end - from) throw this.#refused('ends too early')
    this.#at = from + bytes
    return from
  }

  #integer(bytes: 1 | 2 | 4): number {
    const from = this.#step(bytes)
    if (bytes === 1) return this.#bytes[from] ?? 0
    return bytes === 2 ? this.#view.getUint16(from) : this.#view.getUint32(from)
  }

  #taken(bytes: number): Uint8Array {
    const from = this.#step(bytes)
    return this.#bytes.subarray(from, from + bytes)
  }

  #text(length: number): string {
    const from = this.#step(length)
    const bytes = this.#bytes
    if (length > shortText) return decoder.decode(bytes.subarray(from, from + length))
    if (length === 0) return ''
    const last = from + length - 1
    const sum = length + 31 * (bytes[from] ?? 0) + 7 * (bytes[(from + last) >> 1] ?? 0) + 61 * (bytes[last] ?? 0)
    const place = sum & (recent.length - 1)
    const known = recent[place] ?? ''
    if (isText(known, bytes, from, length)) return known
    const codes: number[] = []
    for (let at = from; at < from + length; at++) {
      const code = bytes[at] ?? 0
      if (code >= 0x80) return decoder.decode(bytes.subarray(from, from + length))
      codes.push(code)
    }
    const text = String.fromCharCode(...codes)
    recent[place] = text
    return text
  }

  /** Whether there are enough bytes for this number of values, and not too many levels. */
  #enter(values: number, levels: number): void {
    if (values > this.#end - this.#at) throw this.#refused('claims more values than it has bytes')
    if (levels === 0 && values > 0) throw this.#refused(`has more than ${this.#rules.levels} levels`)
  }

  #list(count: number, levels: number): unknown[] {
    this.#enter(count, levels)
    // Grows with what is read, since lists within lists may each claim as much as there are bytes.
    const list: unknown[] = []
    for (let index = 0; index < count; index++) list.push(this.#value(levels - 1))
    return list
  }

  #map(count: number, levels: number): Record<string, unknown> {
    this.#enter(2 * count, levels)
    const object: Record<string, unknown> = {}
    for (let index = 0; index < count; index++) {
      const name = this.#value(0)
      if (!isName(name)) throw this.#refused('has a field without a name')
      object[name] = this.#value(levels - 1)
    }
    return object
  }

  #record(names: readonly string[], levels: number): Record<string, unknown> {
    this.#enter(names.length, levels)
    const object: Record<string, unknown> = {}
    for (let index = 0; index < names.length; index++) object[names[index] ?? ''] = this.#value(levels - 1)
    return object
  }

  #long(value: bigint): unknown {
    const { integer } = this.#rules
    return integer ? integer(value) : Number(value)
  }

  #extension(length: number): unknown {
    const { extension } = this.#rules
    if (!extension) throw this.#refused('has an extension')
    return extension(this.#integer(1), this.#taken(length))
  }

  #define(levels: number): unknown {
    this.#step(1)
    const record = this.#integer(1)
    if (record < 0x40 || record >= 0x80) throw this.#refused('has a record without a number')
    const names = this.#value(1)
    if (!isNames(names)) throw this.#refused('has a record without names')
    this.#records ??= []
    this.#records[record] = names
    return this.#record(names, levels)
  }

  #refused(found: string): Error {
    return this.#rules.refused(`MessagePack that ${found}`)
  }
}

/** An assignment to __proto__ would change the object's class. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '__proto__'
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isName)
}

function isText(text: string, bytes: Uint8Array, from: number, length: number): boolean {
  if (text.length !== length) return false
  for (let index = 0; index < length; index++) if (text.charCodeAt(index) !== bytes[from + index]) return false
  return true
}
