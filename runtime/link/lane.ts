import { linkError } from './errors.ts'
import { encodeFrameHeader, type Frame, frameHeaderBytes, type LaneName, nearest } from './frame.ts'
import { type Batch, copyPieces, type Pieces } from './message-codec.ts'

/** A message in transit, which becomes a dead letter if its node ends. */
export interface Letter {
  readonly to: { readonly path: string }
  readonly message: unknown
}

/** Messages in transit. Two lists, since an object for each message would be work for the garbage collector. */
export class Letters {
  readonly #to: Letter['to'][] = []
  readonly #messages: unknown[] = []

  add(to: Letter['to'], message: unknown): void {
    this.#to.push(to)
    this.#messages.push(message)
  }

  *[Symbol.iterator](): Iterator<Letter> {
    for (const [index, to] of this.#to.entries()) yield { to, message: this.#messages[index] }
  }
}

/** The part of a lane that one frame carries. */
export interface Unit {
  readonly first: number
  readonly count: number
  readonly isPart: boolean
  readonly body: Pieces
  /** Of a part: its place in the body, and the number of its transfer, 0 where the message needs no slot. */
  readonly offset: number
  readonly transfer: number
  /** Length of the frame's body. */
  readonly bytes: number
  readonly letters: Letters | undefined
  /** Called when the unit has been acknowledged. */
  readonly arrived: (() => void) | undefined
  /** The buffer of the unit's only frame. */
  frame: Uint8Array<ArrayBuffer> | undefined
  isSent: boolean
}

/** Bytes before each part: the length of the whole body, the part's offset in it, the number of its transfer, and 0. */
const partHeaderBytes = 16
/** Most envelopes of a frame. */
const mostEnvelopes = 512
/** Shorter frames get memory of their own, which costs less than the search for a buffer. */
const pooledFromBytes = 32 * 1024

/** Buffers for frames of all sessions of a node: fresh memory costs more than a copy, since its pages must be made. */
export class FrameBuffers {
  readonly #free: Uint8Array<ArrayBuffer>[] = []
  readonly #most = 16

  take(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes < pooledFromBytes) return new Uint8Array(bytes)
    const index = this.#free.findLastIndex((buffer) => buffer.length >= bytes)
    const [buffer = new Uint8Array(bytes)] = index < 0 ? [] : this.#free.splice(index, 1)
    return buffer
  }

  /** Takes a buffer back. No route may still hold it. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length >= pooledFromBytes && this.#free.length < this.#most) this.#free.push(buffer)
  }
}

/**
 * The envelopes that one node sends to another in a lane: numbered without a gap, and kept until they are acknowledged.
 */
export class OutgoingLane {
  readonly name: LaneName
  readonly #mostBody: number
  readonly #buffers: FrameBuffers
  #units: Unit[] = []
  /** Number of units that were sent on the present route. */
  #sent = 0
  #bytesAhead = 0
  /** Number of the first envelope that was never sent. */
  #furthest = 1
  /** Number of the next envelope, or part. */
  next = 1
  /** Number of units that the other node has acknowledged. */
  acknowledged = 0
  /** Bytes of all units that aren't acknowledged, sent or not. */
  bytes = 0
  /** Most bytes that may be sent ahead of acknowledgements. The other node sets the number. */
  window = 0

  constructor(name: LaneName, mostBody: number, buffers: FrameBuffers) {
    this.name = name
    this.#mostBody = mostBody
    this.#buffers = buffers
  }

  get hasUnits(): boolean {
    return this.#units.length > 0
  }

  /** Whether a body of this length is one frame. */
  isOneFrame(bytes: number): boolean {
    return bytes <= this.#mostBody
  }

  get hasUnacknowledged(): boolean {
    return this.#sent > 0
  }

  /** Whether no further envelope should come into a frame with these. */
  isFilledBy(batch: Batch): boolean {
    return batch.count >= mostEnvelopes || batch.bytes + batch.arrayBytes > this.#mostBody / 2
  }

  /** Adds envelopes. */
  add(batch: Batch, letters: Letters | undefined): void {
    this.addBody(batch.pieces(), { letters, count: batch.count })
  }

  /** Adds a body of envelopes, in parts if it is long. `arrived` is called when all is acknowledged. */
  addBody(
    body: Pieces,
    {
      letters,
      count = 1,
      transfer = 0,
      arrived,
    }: Partial<Pick<Unit, 'count' | 'transfer' | 'arrived'>> & Pick<Unit, 'letters'>,
  ): void {
    if (this.isOneFrame(body.bytes))
      return this.#addUnit(body, { letters, count, arrived, transfer, offset: 0, bytes: body.bytes })
    const step = this.#mostBody - partHeaderBytes
    for (let offset = 0; offset < body.bytes; offset += step) {
      const bytes = partHeaderBytes + Math.min(step, body.bytes - offset)
      const isLast = offset + step >= body.bytes
      const ending = isLast ? { letters, arrived } : { letters: undefined, arrived: undefined }
      this.#addUnit(body, { ...ending, count: 1, transfer, offset, bytes, isPart: true })
    }
  }

  /** Takes the next unit that fits into the window. One unit may always be in transit, regardless of its size. */
  take(): Unit | undefined {
    const unit = this.#units[this.#sent]
    if (!unit || (this.#bytesAhead > 0 && this.#bytesAhead + unit.bytes > this.window)) return undefined
    this.#sent += 1
    this.#bytesAhead += unit.bytes
    this.#furthest = Math.max(this.#furthest, unit.first + unit.count)
    return unit
  }

  /** Lays a unit out as a frame, which the route may use until the unit is acknowledged. */
  frameOf(unit: Unit, header: Pick<Frame, 'expected' | 'window'>): Uint8Array<ArrayBuffer> {
    const length = frameHeaderBytes + unit.bytes
    const buffer = this.#buffers.take(length)
    // A route may still hold the frame that was sent before, so neither of the two buffers is used again.
    unit.frame = unit.isSent ? undefined : buffer
    unit.isSent = true
    const frame = buffer.length === length ? buffer : buffer.subarray(0, length)
    const { first, count, isPart } = unit
    encodeFrameHeader({ ...header, kind: 'data', lane: this.name, first, count, isPart }, frame)
    if (!isPart) copyPieces(unit.body, 0, frame.subarray(frameHeaderBytes))
    else {
      const view = new DataView(frame.buffer, frame.byteOffset + frameHeaderBytes, partHeaderBytes)
      view.setUint32(0, unit.body.bytes, true)
      view.setUint32(4, unit.offset, true)
      view.setUint32(8, unit.transfer, true)
      view.setUint32(12, 0, true)
      copyPieces(unit.body, unit.offset, frame.subarray(frameHeaderBytes + partHeaderBytes))
    }
    return frame
  }

  /** Forgets the envelopes before this number. Returns whether there were any. LINK_FRAME if they were never sent. */
  acknowledge(bits: number, node: string): boolean {
    const expected = nearest(bits, this.next)
    if (expected > this.#furthest)
      throw linkError('LINK_FRAME', { node, found: `it acknowledges ${expected}, not sent` })
    let acknowledged = 0
    for (const unit of this.#units) {
      if (unit.first + unit.count > expected) break
      if (acknowledged < this.#sent) this.#bytesAhead -= unit.bytes
      this.bytes -= unit.bytes
      if (unit.frame) this.#buffers.give(unit.frame)
      acknowledged += 1
    }
    if (acknowledged === 0) return false
    this.acknowledged += acknowledged
    const arrived = this.#units.splice(0, acknowledged)
    this.#sent = Math.max(0, this.#sent - acknowledged)
    for (const unit of arrived) unit.arrived?.()
    return true
  }

  /** Prepares all unacknowledged units to be sent again. */
  rewind(): void {
    this.#sent = 0
    this.#bytesAhead = 0
  }

  /** Takes the letters of all unacknowledged envelopes. */
  drain(): readonly Letter[] {
    const letters = this.#units.flatMap((unit) => [...(unit.letters ?? [])])
    this.#units = []
    this.bytes = 0
    this.rewind()
    return letters
  }

  #addUnit(
    body: Pieces,
    {
      letters,
      count,
      transfer,
      offset,
      bytes,
      arrived,
      isPart = false,
    }: Pick<Unit, 'letters' | 'count' | 'transfer' | 'offset' | 'bytes' | 'arrived'> & Partial<Pick<Unit, 'isPart'>>,
  ): void {
    const first = this.next
    // One literal with all fields: a spread of others takes V8 ten times as long.
    this.#units.push({
      first,
      count,
      isPart,
      body,
      offset,
      transfer,
      bytes,
      letters,
      arrived,
      frame: undefined,
      isSent: false,
    })
    this.next += count
    this.bytes += bytes
  }
}

const freshRoom = (bytes: number) => new Uint8Array(bytes)

/** The arriving envelopes of one lane, each once and in order, even if frames arrive repeatedly. */
export class IncomingLane {
  readonly #mostBody: number
  readonly #room: (bytes: number, transfer: number) => Uint8Array<ArrayBuffer>
  #assembly: Uint8Array<ArrayBuffer> | undefined
  #assembled = 0
  /** Number of the next envelope, or part. */
  expected = 1

  /** `room` makes room for a body that comes in parts, of the transfer with this number. It may throw LINK_FRAME. */
  constructor(mostBody: number, room: (bytes: number, transfer: number) => Uint8Array<ArrayBuffer> = freshRoom) {
    this.#mostBody = mostBody
    this.#room = room
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
    this.#assembly ??= this.#room(total, view.getUint32(8, true))
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
