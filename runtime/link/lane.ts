import type { DeadLetter } from '../kernel/protocol.ts'
import { linkError } from './errors.ts'
import { type Frame, type LaneName, nearest } from './frame.ts'

/** A message in transit, which becomes a dead letter if its node ends. */
export type Letter = Pick<DeadLetter, 'path' | 'message'>

/** The part of a lane that one frame carries. */
export interface Unit {
  readonly first: number
  readonly count: number
  readonly isPart: boolean
  readonly body: Uint8Array<ArrayBuffer>
  readonly letters: readonly Letter[]
}

/** Bytes before each part: the length of the whole body, and the part's offset in it. */
const partHeaderBytes = 8
/** Most envelopes of a frame. */
const mostEnvelopes = 512

/**
 * The envelopes that one node sends to another in a lane: numbered without a gap, and kept until they are acknowledged.
 */
export class OutgoingLane {
  readonly name: LaneName
  readonly #mostBody: number
  #units: Unit[] = []
  /** Number of units that were sent on the present route. */
  #sent = 0
  #bytesAhead = 0
  /** Number of the first envelope that was never sent. */
  #furthest = 1
  /** Number of the next envelope, or part. */
  next = 1
  /** Most bytes that may be sent ahead of acknowledgements. The other node sets the number. */
  window = 0

  constructor(name: LaneName, mostBody: number) {
    this.name = name
    this.#mostBody = mostBody
  }

  get hasUnacknowledged(): boolean {
    return this.#sent > 0
  }

  /** Adds envelopes, each with its letters. `bodyOf` lays out the envelopes with indexes `from` to `to` − 1. */
  add(letters: readonly (readonly Letter[])[], bodyOf: (from: number, to: number) => Uint8Array<ArrayBuffer>): void {
    for (let from = 0; from < letters.length; ) {
      let to = Math.min(letters.length, from + mostEnvelopes)
      let body = bodyOf(from, to)
      while (body.length > this.#mostBody && to - from > 1) {
        to = from + ((to - from) >> 1)
        body = bodyOf(from, to)
      }
      const held = letters.slice(from, to).flat()
      if (body.length > this.#mostBody) this.#addParts(body, held)
      else this.#addUnit(to - from, false, body, held)
      from = to
    }
  }

  /** Takes the next unit that fits into the window. One unit may always be in transit, regardless of its size. */
  take(): Unit | undefined {
    const unit = this.#units[this.#sent]
    if (!unit || (this.#bytesAhead > 0 && this.#bytesAhead + unit.body.length > this.window)) return undefined
    this.#sent += 1
    this.#bytesAhead += unit.body.length
    this.#furthest = Math.max(this.#furthest, unit.first + unit.count)
    return unit
  }

  /** Forgets the envelopes before this number. Returns whether there were any. LINK_FRAME if they were never sent. */
  acknowledge(bits: number, node: string): boolean {
    const expected = nearest(bits, this.next)
    if (expected > this.#furthest)
      throw linkError('LINK_FRAME', { node, found: `it acknowledges ${expected}, not sent` })
    let acknowledged = 0
    for (const unit of this.#units) {
      if (unit.first + unit.count > expected) break
      if (acknowledged < this.#sent) this.#bytesAhead -= unit.body.length
      acknowledged += 1
    }
    if (acknowledged === 0) return false
    this.#units = this.#units.slice(acknowledged)
    this.#sent = Math.max(0, this.#sent - acknowledged)
    return true
  }

  /** Prepares all unacknowledged units to be sent again. */
  rewind(): void {
    this.#sent = 0
    this.#bytesAhead = 0
  }

  /** Takes the letters of all unacknowledged envelopes. */
  drain(): readonly Letter[] {
    const letters = this.#units.flatMap((unit) => unit.letters)
    this.#units = []
    this.rewind()
    return letters
  }

  #addParts(body: Uint8Array, letters: readonly Letter[]): void {
    const step = this.#mostBody - partHeaderBytes
    for (let offset = 0; offset < body.length; offset += step) {
      const slice = body.subarray(offset, offset + step)
      const part = new Uint8Array(partHeaderBytes + slice.length)
      const view = new DataView(part.buffer)
      view.setUint32(0, body.length, true)
      view.setUint32(4, offset, true)
      part.set(slice, partHeaderBytes)
      const isLast = offset + step >= body.length
      this.#addUnit(1, true, part, isLast ? letters : [])
    }
  }

  #addUnit(count: number, isPart: boolean, body: Uint8Array<ArrayBuffer>, letters: readonly Letter[]): void {
    this.#units.push({ first: this.next, count, isPart, body, letters })
    this.next += count
  }
}

/** The arriving envelopes of one lane, each once and in order, even if frames arrive repeatedly. */
export class IncomingLane {
  readonly #mostBody: number
  #assembly: Uint8Array<ArrayBuffer> | undefined
  #assembled = 0
  /** Number of the next envelope, or part. */
  expected = 1

  constructor(mostBody: number) {
    this.#mostBody = mostBody
  }

  /**
   * Takes a frame. Returns a whole body; `waiting` while parts of a body are missing; `known` for a frame that has
   * arrived before; `gap` if earlier frames are missing. @throws LINK_FRAME
   */
  accept(frame: Frame, node: string): Uint8Array<ArrayBuffer> | 'waiting' | 'known' | 'gap' {
    const first = nearest(frame.first, this.expected)
    if (frame.count === 0) throw linkError('LINK_FRAME', { node, found: 'it counts no envelopes' })
    if (first > this.expected) return 'gap'
    if (first + frame.count <= this.expected) return 'known'
    if (first < this.expected) throw linkError('LINK_FRAME', { node, found: 'a part of it came before' })
    const body = frame.isPart ? this.#assemble(frame.body, node) : this.#whole(frame.body, node)
    this.expected += frame.count
    return body
  }

  #whole(body: Uint8Array<ArrayBuffer>, node: string): Uint8Array<ArrayBuffer> {
    if (this.#assembly) throw linkError('LINK_FRAME', { node, found: 'it interrupts the parts of another' })
    return body
  }

  #assemble(part: Uint8Array, node: string): Uint8Array<ArrayBuffer> | 'waiting' {
    if (part.length <= partHeaderBytes) throw linkError('LINK_FRAME', { node, found: 'its part is empty' })
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength)
    const [total, offset] = [view.getUint32(0, true), view.getUint32(4, true)]
    const bytes = part.subarray(partHeaderBytes)
    if (total > this.#mostBody)
      throw linkError('LINK_FRAME', {
        node,
        found: `it is part of ${total} bytes, where ${this.#mostBody} are the most`,
      })
    this.#assembly ??= new Uint8Array(total)
    if (this.#assembly.length !== total || offset !== this.#assembled || offset + bytes.length > total)
      throw linkError('LINK_FRAME', { node, found: 'its part belongs elsewhere' })
    this.#assembly.set(bytes, offset)
    this.#assembled += bytes.length
    if (this.#assembled < total) return 'waiting'
    const body = this.#assembly
    this.#assembly = undefined
    this.#assembled = 0
    return body
  }
}
