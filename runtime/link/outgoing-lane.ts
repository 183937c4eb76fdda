import { linkError } from './errors.ts'
import { encodeFrameHeader, type Frame, frameHeaderBytes, type LaneName, nearest, partHeaderBytes } from './frame.ts'
import type { FrameBuffers } from './frame-buffers.ts'
import type { Letter, Letters } from './letters.ts'
import { type Batch, copyPieces, type Pieces } from './message-codec.ts'
import type { SealedRoute } from './sealed-route.ts'

/** Facts of a body that its frames share. */
interface Envelopes {
  readonly body: Pieces
  /** Number of envelopes in the body. */
  readonly count: number
  /** Number of the body's transfer, 0 where the message needs no slot. */
  readonly transfer: number
  readonly letters: Letters | undefined
  /** Called when all has been acknowledged. */
  readonly arrived: (() => void) | undefined
}

/** A body of which some frames, or none, have been made. */
interface Uncut extends Envelopes {
  /** Where the next part begins. */
  offset: number
}

/** The part of a lane that one frame carries. Of the parts of a body, the last has its letters. */
interface Unit extends Envelopes {
  readonly first: number
  readonly isPart: boolean
  /** Of a part: its place in the body. */
  readonly offset: number
  /** Length of the frame's body. */
  readonly bytes: number
  /** The buffer of the unit's only frame, the route that has it, and the frame's end among the route's bytes. */
  frame: Uint8Array<ArrayBuffer> | undefined
  route: SealedRoute | undefined
  end: number
}

/** Most envelopes of a frame. */
const mostEnvelopes = 512

/**
 * The envelopes that one node sends to another in a lane: numbered without a gap, and kept until they are acknowledged.
 */
export class OutgoingLane {
  readonly name: LaneName
  readonly #mostBody: number
  readonly #buffers: FrameBuffers
  /** The units that were sent, the first `#sent` of them on the present route. */
  #units: Unit[] = []
  #sent = 0
  #bytesAhead = 0
  #uncut: Uncut[] = []
  /** Longest body of a frame for now: longer bodies are sent in parts. */
  partBytes: number
  /** Number of the next envelope, or part, that was never sent. */
  next = 1
  /** Number of units that the other node has acknowledged, and their bytes. */
  acknowledged = 0
  acknowledgedBytes = 0
  /** Bytes that aren't acknowledged, sent or not. */
  bytes = 0
  /** Most bytes that may be sent ahead of acknowledgements, as the other node says. */
  window = 0
  /** The same, as follows from the route's speed. The lesser of both holds. */
  pacedWindow = Number.POSITIVE_INFINITY

  constructor(name: LaneName, mostBody: number, buffers: FrameBuffers) {
    this.name = name
    this.#mostBody = mostBody
    this.#buffers = buffers
    this.partBytes = mostBody
  }

  /** Whether anything isn't acknowledged, sent or not. */
  get isBusy(): boolean {
    return this.#units.length > 0 || this.#uncut.length > 0
  }

  /** Whether a body of this length can be one frame. */
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
    this.addBody(batch.pieces(), letters, { count: batch.count })
  }

  /** Adds a body of envelopes, which is sent in parts if it is long. `arrived` is called when all is acknowledged. */
  addBody(
    body: Pieces,
    letters: Letters | undefined,
    { count = 1, transfer = 0, arrived }: Partial<Pick<Envelopes, 'count' | 'transfer' | 'arrived'>>,
  ): void {
    this.#uncut.push({ body, letters, count, transfer, arrived, offset: 0 })
    this.bytes += body.bytes
  }

  /** Sends the next frame, if it fits into the window. One frame may always be in transit, regardless of its size. */
  sendNext(route: SealedRoute, header: Pick<Frame, 'expected' | 'window'>): boolean {
    const known = this.#units[this.#sent]
    const [waiting] = this.#uncut
    const bytes = known?.bytes ?? (waiting && this.#bytesOfNext(waiting))
    const window = Math.min(this.window, this.pacedWindow)
    if (bytes === undefined || (this.#bytesAhead > 0 && this.#bytesAhead + bytes > window)) return false
    const unit = known ?? (waiting && this.#cut(waiting, bytes))
    if (!unit) return false
    this.#sent += 1
    this.#bytesAhead += bytes
    this.#send(unit, route, header)
    return true
  }

  /** Forgets the envelopes before this number. Returns whether there were any. LINK_FRAME if they were never sent. */
  acknowledge(bits: number, node: string): boolean {
    const expected = nearest(bits, this.next)
    if (expected > this.next) throw linkError('LINK_FRAME', { node, found: `it acknowledges ${expected}, not sent` })
    let acknowledged = 0
    for (const unit of this.#units) {
      if (unit.first + unit.count > expected) break
      if (acknowledged < this.#sent) this.#bytesAhead -= unit.bytes
      this.bytes -= unit.bytes
      this.acknowledgedBytes += unit.bytes
      // The other node may lie: a buffer that a route still holds would take another session's bytes there.
      if (unit.frame && unit.route?.hasLeft(unit.end)) this.#buffers.give(unit.frame)
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
    const letters = [...this.#units, ...this.#uncut].flatMap((each) => [...(each.letters ?? [])])
    this.#units = []
    this.#uncut = []
    this.bytes = 0
    this.rewind()
    return letters
  }

  #bytesOfNext({ body, offset }: Uncut): number {
    if (offset === 0 && body.bytes <= this.partBytes) return body.bytes
    return Math.min(this.partBytes, partHeaderBytes + body.bytes - offset)
  }

  /** Makes a unit of the next bytes of the first waiting body. */
  #cut(waiting: Uncut, bytes: number): Unit {
    const { body, count, transfer, letters, arrived, offset } = waiting
    const isPart = offset > 0 || bytes < body.bytes
    const end = isPart ? offset + bytes - partHeaderBytes : body.bytes
    const isLast = end === body.bytes
    waiting.offset = end
    if (isLast) this.#uncut.shift()
    if (isPart) this.bytes += partHeaderBytes
    // One literal with all fields: a spread of others takes V8 ten times as long.
    const unit: Unit = {
      first: this.next,
      count: isPart ? 1 : count,
      isPart,
      body,
      offset,
      transfer,
      bytes,
      letters: isLast ? letters : undefined,
      arrived: isLast ? arrived : undefined,
      frame: undefined,
      route: undefined,
      end: 0,
    }
    this.#units.push(unit)
    this.next += unit.count
    return unit
  }

  /** Lays a unit out as a frame, and sends the frame. */
  #send(unit: Unit, route: SealedRoute, header: Pick<Frame, 'expected' | 'window'>): void {
    const length = frameHeaderBytes + unit.bytes
    const buffer = this.#buffers.take(length)
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
    // Of a unit that is sent again, neither of the two buffers is used again: a lost route may still hold the first.
    unit.frame = unit.route ? undefined : buffer
    route.send(frame)
    unit.route = route
    unit.end = route.sentBytes
  }
}
