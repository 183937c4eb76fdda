/** Most sets of names that are remembered while values are written. Objects with other names are written as maps. */
const mostShapes = 32
/** A record's number on the wire. Small integers of this range are written with a byte before them. */
const firstRecord = 0x40
/** Longest text that is written byte by byte, as long as it is ASCII. */
const shortText = 64
const firstBytes = 256
const encoder = new TextEncoder()

/** The names of an object's fields, in their order. */
interface Shape {
  readonly names: readonly string[]
  /** Number of the record, and where the names were written. 0: they were not. */
  record: number
  definedAt: number
}

/** Makes an error that tells what was found. */
export type Refused = (found: string) => Error

export interface WriteRules {
  /** Most levels of objects within objects. */
  readonly levels: number
  /** Makes the error for a value that is refused. */
  readonly refused: Refused
  /** Makes the bytes that represent a value that isn't plain, or throws. Default: such values are refused. */
  readonly special?: (value: unknown) => SpecialBytes
  /** Whether bigints of 64 bits are integers of 64 bits. Default: false; they aren't plain. */
  readonly bigints?: boolean
  /** Whether objects with the same names are records. Default: true. */
  readonly records?: boolean
}

/** Bytes, or an extension of a kind. */
export type SpecialBytes = Uint8Array | { readonly kind: number; readonly bytes: Uint8Array }

/**
 * Writes values as MessagePack: plain objects, arrays, texts, numbers, booleans and null. −0 becomes 0, and half of a
 * surrogate pair U+FFFD. The names of an object's fields are written a second time at most: from then on, objects with
 * the same names are msgpackr's records (extension 0x72: a number and the names), so that thousands of messages in one
 * body share their names. @throws what `refused` makes
 */
export class PackWriter {
  readonly #rules: WriteRules
  readonly #mostShapes: number
  readonly #shapes: Shape[] = []
  #records = 0
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #at = 0

  /** `bytes`: how much will probably be written. */
  constructor(rules: WriteRules, bytes = firstBytes) {
    this.#rules = rules
    this.#mostShapes = rules.records === false ? 0 : mostShapes
    this.#bytes = new Uint8Array(bytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Number of bytes so far. */
  get length(): number {
    return this.#at
  }

  /** What was written, up to a number of bytes. Without a copy: nothing must be written afterwards. */
  taken(length = this.#at): Uint8Array<ArrayBuffer> {
    this.#need(length - this.#at)
    this.#bytes.fill(0, this.#at, length)
    return this.#bytes.subarray(0, length)
  }

  /** Leaves a place for bytes that are known later. */
  skip(bytes: number): void {
    this.#need(bytes)
    this.#at += bytes
  }

  /** Takes back whatever was written from a place on. */
  truncate(length: number): void {
    this.#at = length
    for (const shape of this.#shapes)
      if (shape.record > 0 && shape.definedAt >= length) {
        shape.record = 0
        this.#records -= 1
      }
  }

  value(value: unknown, levels = this.#rules.levels): void {
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        return this.#number(value)
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2)
      case 'object':
        if (value === null) return this.#byte(0xc0)
        if (levels === 0) throw this.#rules.refused(`a value of more than ${this.#rules.levels} levels`)
        if (Array.isArray(value)) return this.#list(value, levels - 1)
        if (isRecord(value)) return this.#object(value, levels - 1)
        break
      case 'bigint':
        if (this.#rules.bigints) return this.#bigint(value)
    }
    const { special } = this.#rules
    if (!special) throw this.#rules.refused(typeof value === 'object' ? 'an instance of a class' : `a ${typeof value}`)
    const made = special(value)
    if (made instanceof Uint8Array) this.#binary(made)
    else this.#extension(made.kind, made.bytes)
  }

  #byte(byte: number): void {
    this.#need(1)
    this.#bytes[this.#at++] = byte
  }

  #number(value: number): void {
    this.#need(9)
    const bytes = this.#bytes
    if ((value | 0) !== value) {
      bytes[this.#at] = 0xcb
      this.#view.setFloat64(this.#at + 1, value)
      this.#at += 9
    } else if (value >= -0x20 && value < firstRecord) bytes[this.#at++] = value
    else if (value >= 0 && value <= 0xff) {
      bytes[this.#at] = 0xcc
      bytes[this.#at + 1] = value
      this.#at += 2
    } else if (value >= 0 && value <= 0xffff) {
      bytes[this.#at] = 0xcd
      this.#view.setUint16(this.#at + 1, value)
      this.#at += 3
    } else {
      bytes[this.#at] = 0xd2
      this.#view.setInt32(this.#at + 1, value)
      this.#at += 5
    }
  }

  #bigint(value: bigint): void {
    this.#byte(0xd3)
    this.#need(8)
    this.#view.setBigInt64(this.#at, value)
    this.#at += 8
  }

  #text(text: string): void {
    const { length } = text
    if (length > shortText) return this.#longText(text)
    this.#need(2 + length)
    const bytes = this.#bytes
    let at = this.#at
    if (length < 0x20) bytes[at++] = 0xa0 | length
    else {
      bytes[at++] = 0xd9
      bytes[at++] = length
    }
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index)
      if (code >= 0x80) return this.#longText(text)
      bytes[at++] = code
    }
    this.#at = at
  }

  #longText(text: string): void {
    // A code unit has at most 3 bytes.
    const most = 3 * text.length
    const header = most <= 0xff ? 2 : most <= 0xffff ? 3 : 5
    this.#need(header + most)
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(this.#at + header))
    const [at, view] = [this.#at, this.#view]
    this.#bytes[at] = header === 2 ? 0xd9 : header === 3 ? 0xda : 0xdb
    if (header === 2) view.setUint8(at + 1, written)
    else if (header === 3) view.setUint16(at + 1, written)
    else view.setUint32(at + 1, written)
    this.#at += header + written
  }

  #binary(bytes: Uint8Array): void {
    const { length } = bytes
    this.#need(5 + length)
    if (length <= 0xff) {
      this.#byte(0xc4)
      this.#byte(length)
    } else {
      this.#byte(0xc6)
      this.#view.setUint32(this.#at, length)
      this.#at += 4
    }
    this.#bytes.set(bytes, this.#at)
    this.#at += length
  }

  #extension(kind: number, bytes: Uint8Array): void {
    this.#need(6 + bytes.length)
    this.#byte(0xc9)
    this.#view.setUint32(this.#at, bytes.length)
    this.#at += 4
    this.#byte(kind)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** Writes the beginning of a list or of a map; `short` is the kind of one with at most 15 items. */
  #collection(count: number, short: 0x90 | 0x80, long: 0xdd | 0xdf): void {
    if (count < 0x10) return this.#byte(short | count)
    this.#need(5)
    this.#bytes[this.#at] = long
    this.#view.setUint32(this.#at + 1, count)
    this.#at += 5
  }

  #list(list: readonly unknown[], levels: number): void {
    this.#collection(list.length, 0x90, 0xdd)
    for (let index = 0; index < list.length; index++) this.value(list[index], levels)
  }

  #object(object: Readonly<Record<string, unknown>>, levels: number): void {
    const shape = this.#shapeOf(object)
    if (!shape) return this.#map(object, levels)
    if (shape.record > 0) this.#byte(shape.record)
    else this.#define(shape)
    for (const name in object) this.value(object[name], levels)
  }

  /** A loop: `find` would take memory for each object. */
  #shapeOf(object: Readonly<Record<string, unknown>>): Shape | undefined {
    for (const shape of this.#shapes) if (isOfShape(object, shape.names)) return shape
    return undefined
  }

  #define(shape: Shape): void {
    shape.definedAt = this.#at
    shape.record = firstRecord + this.#records
    this.#records += 1
    this.#byte(0xd4)
    this.#byte(0x72)
    this.#byte(shape.record)
    this.#list(shape.names, 0)
  }

  #map(object: Readonly<Record<string, unknown>>, levels: number): void {
    const names = Object.keys(object)
    if (names.includes('__proto__')) throw this.#rules.refused('an object with a field __proto__')
    if (this.#shapes.length < this.#mostShapes) this.#shapes.push({ names, record: 0, definedAt: 0 })
    this.#collection(names.length, 0x80, 0xdf)
    for (const name of names) {
      this.#text(name)
      this.value(object[name], levels)
    }
  }

  #need(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) this.#grow(this.#at + bytes)
  }

  #grow(least: number): void {
    const grown = new Uint8Array(Math.max(least, 2 * this.#bytes.length))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Whether an object has these fields, in this order. */
function isOfShape(object: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  let index = 0
  for (const name in object) if (name !== names[index++]) return false
  return index === names.length
}

function isRecord(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
