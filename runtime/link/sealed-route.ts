import { crc32 } from './crc32.ts'
import { linkError } from './errors.ts'
import {
  decodeFrame,
  type Frame,
  frameFlags,
  frameHeaderBytes,
  isGreetingFrame,
  mostFrameBytes,
  type Route,
} from './frame.ts'

/** Makes bodies of frames smaller. */
export interface FrameCodec {
  deflate(bytes: Uint8Array): Uint8Array
  /** Restores a body of `length` bytes from untrusted bytes. Throws if it has another length, and makes no more bytes. */
  inflate(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer>
}

/** The features on which both ends of a route have agreed when they greeted. */
export interface Agreed {
  /** Whether every frame has a check sum. Frames that greet or close always have one. */
  readonly isChecked: boolean
  /** Present if bodies may be compressed. */
  readonly codec?: FrameCodec | undefined
}

/** Shorter bodies are sent as they are. */
const deflatedFromBytes = 256
/** Of a longer body, this much is tried first: weights hardly become smaller. */
const sampleBytes = 4096
/** Bytes before a compressed body: its length. */
const lengthBytes = 4

/** A route whose frames have check sums, or are compressed, as both ends have agreed. */
export class SealedRoute {
  readonly route: Route
  /** Bytes of all frames so far: the place where the last frame ends among them. */
  sentBytes = 0
  #agreed: Agreed = { isChecked: false }

  constructor(route: Route) {
    this.route = route
  }

  agree(agreed: Agreed): void {
    this.#agreed = agreed
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    const { isChecked, codec } = this.#agreed
    const sent = codec ? deflated(frame, codec) : frame
    if (isChecked || isGreetingFrame(sent)) seal(sent)
    this.sentBytes += sent.length
    this.route.send(sent)
  }

  /** Whether all bytes before a place have left this process, so that nothing holds them. False if the route can't tell. */
  hasLeft(place: number): boolean {
    const { queuedBytes } = this.route
    return queuedBytes !== undefined && this.sentBytes - queuedBytes >= place
  }

  close(): void {
    this.route.close()
  }

  /** Reads an untrusted frame. LINK_DAMAGED if its check sum is missing or wrong. @throws LINK_FRAME */
  read(bytes: Uint8Array<ArrayBuffer>, node: string): Frame {
    const { isChecked, codec } = this.#agreed
    const flags = bytes[1] ?? 0
    if (flags & frameFlags.checked ? !isWhole(bytes) : isChecked || isGreetingFrame(bytes))
      throw linkError('LINK_DAMAGED', { node })
    const frame = decodeFrame(bytes, node)
    if (!(flags & frameFlags.deflated)) return frame
    if (!codec) throw linkError('LINK_FRAME', { node, found: 'it is compressed, which was not agreed' })
    return { ...frame, body: inflated(frame.body, codec, node) }
  }
}

const sumAt = 28

function seal(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  frame[1] = (frame[1] ?? 0) | frameFlags.checked
  view.setUint32(sumAt, 0, true)
  view.setUint32(sumAt, crc32(frame), true)
}

function isWhole(frame: Uint8Array): boolean {
  if (frame.length < frameHeaderBytes) return false
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const sum = view.getUint32(sumAt, true)
  view.setUint32(sumAt, 0, true)
  return crc32(frame) === sum
}

/** The frame with a smaller body, or the frame itself. */
function deflated(frame: Uint8Array<ArrayBuffer>, codec: FrameCodec): Uint8Array<ArrayBuffer> {
  const body = frame.subarray(frameHeaderBytes)
  if (body.length < deflatedFromBytes || isGreetingFrame(frame)) return frame
  if (body.length > 2 * sampleBytes && !isWorth(codec.deflate(body.subarray(0, sampleBytes)).length, sampleBytes))
    return frame
  const small = codec.deflate(body)
  if (!isWorth(lengthBytes + small.length, body.length)) return frame
  const sent = new Uint8Array(frameHeaderBytes + lengthBytes + small.length)
  sent.set(frame.subarray(0, frameHeaderBytes))
  sent[1] = (sent[1] ?? 0) | frameFlags.deflated
  new DataView(sent.buffer).setUint32(frameHeaderBytes, body.length, true)
  sent.set(small, frameHeaderBytes + lengthBytes)
  return sent
}

function isWorth(small: number, whole: number): boolean {
  return small < 0.9 * whole
}

function inflated(body: Uint8Array<ArrayBuffer>, codec: FrameCodec, node: string): Uint8Array<ArrayBuffer> {
  const refused = (found: string, cause?: unknown) => linkError('LINK_FRAME', { node, found }, { cause })
  if (body.length < lengthBytes) throw refused('its compressed body is incomplete')
  const length = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(0, true)
  if (length > mostFrameBytes) throw refused(`its body has ${length} bytes, where ${mostFrameBytes} are the most`)
  try {
    return codec.inflate(body.subarray(lengthBytes), length)
  } catch (cause) {
    throw refused('its compressed body is damaged', cause)
  }
}
