import { linkError } from './errors.ts'
import { type Frame, nearest, partHeaderBytes } from './frame.ts'

/** First room for a body that comes in parts. It grows with what comes, since a stranger may claim any length. */
const firstRoomBytes = 256 * 1024

const growingRoom = (bytes: number) => new Uint8Array(Math.min(bytes, firstRoomBytes))

/** The arriving envelopes of one lane, each once and in order, even if frames arrive repeatedly. */
export class IncomingLane {
  readonly #mostBody: number
  readonly #room: (bytes: number, transfer: number) => Uint8Array<ArrayBuffer>
  #assembly: Uint8Array<ArrayBuffer> | undefined
  /** Bytes that the assembly will have, and has so far. */
  #total = 0
  #assembled = 0
  /** Number of the next envelope, or part. */
  expected = 1

  /**
   * `room` makes room for a body that comes in parts, of the transfer with this number. It may throw LINK_FRAME. Room
   * for less than the body grows.
   */
  constructor(mostBody: number, room: (bytes: number, transfer: number) => Uint8Array<ArrayBuffer> = growingRoom) {
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
    const end = offset + bytes.length
    if ((this.#assembly && total !== this.#total) || offset !== this.#assembled || end > total)
      throw linkError('LINK_FRAME', { node, found: 'its part belongs elsewhere' })
    this.#total = total
    this.#assembly ??= this.#room(total, view.getUint32(8, true))
    if (end > this.#assembly.length) this.#assembly = grown(this.#assembly, end, total)
    this.#assembly.set(bytes, offset)
    this.#assembled = end
    if (end < total) return 'waiting'
    const body = this.#assembly
    this.#assembly = undefined
    this.#assembled = 0
    return body
  }
}

/** Larger room with the same bytes: at least twice as large as before, but not larger than `most`. */
function grown(room: Uint8Array, least: number, most: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(most, Math.max(least, 2 * room.length)))
  larger.set(room)
  return larger
}
