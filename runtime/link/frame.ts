import { linkError } from './errors.ts'

/**
 * A way that carries a session's frames between two nodes: frames arrive whole and in order, each at most once, until the
 * route is lost. Frames that are under way when a route is lost may be lost with it.
 */
export interface Route {
  send(frame: Uint8Array<ArrayBuffer>): void
  /** Begins to listen; called once. Each frame belongs to the listener. */
  listen(listener: RouteListener): void
  /** Gives the route up: the other end hears that the route is lost. */
  close(): void
}

export interface RouteListener {
  heard(frame: Uint8Array<ArrayBuffer>): void
  /** No frame is heard any more. */
  lost(): void
}

/** Small messages, and those of large typed arrays, travel in separate lanes: neither waits for the other. */
export type LaneName = 'control' | 'bulk'

/** `hello` and `welcome` open a session or go on with one, `resend` asks for every frame again that isn't acknowledged. */
export type FrameKind = 'hello' | 'welcome' | 'data' | 'acknowledge' | 'resend' | 'close'

/** One number for each lane. */
export type PerLane = Readonly<Record<LaneName, number>>

export interface Frame {
  readonly kind: FrameKind
  readonly lane: LaneName
  /** The body is a part of a longer one. */
  readonly isPart: boolean
  /** Envelopes in the body, numbered from `first` on without a gap; a part counts as one. */
  readonly count: number
  readonly first: number
  /** Number of the next envelope that the sender of the frame awaits: earlier ones are acknowledged. */
  readonly expected: PerLane
  /** Bytes that the other node may send ahead of acknowledgements. */
  readonly window: PerLane
  readonly body: Uint8Array<ArrayBuffer>
}

const kinds: readonly FrameKind[] = ['hello', 'welcome', 'data', 'acknowledge', 'resend', 'close']
export const frameHeaderBytes = 32

/**
 * Lays out a frame, little-endian: 0 kind, 1 flags (1 bulk, 2 part), 2 count, 4 first, 8 and 12 expected, 16 and 20 windows,
 * 24 to 31 zero, 32 body. Numbers are kept modulo 2³².
 */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(frameHeaderBytes + frame.body.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, kinds.indexOf(frame.kind))
  view.setUint8(1, (frame.lane === 'bulk' ? 1 : 0) | (frame.isPart ? 2 : 0))
  view.setUint16(2, frame.count, true)
  const numbers = [frame.first, frame.expected.control, frame.expected.bulk, frame.window.control, frame.window.bulk]
  for (const [index, number] of numbers.entries()) view.setUint32(4 + 4 * index, number, true)
  bytes.set(frame.body, frameHeaderBytes)
  return bytes
}

/** Reads a frame that anybody may have sent; throws LINK_FRAME. */
export function decodeFrame(bytes: Uint8Array<ArrayBuffer>, node: string): Frame {
  if (bytes.length < frameHeaderBytes) throw linkError('LINK_FRAME', { node, found: `it has ${bytes.length} bytes` })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kind = kinds[view.getUint8(0)]
  const flags = view.getUint8(1)
  if (!kind || flags > 3) throw linkError('LINK_FRAME', { node, found: 'its kind is unknown' })
  return {
    kind,
    lane: flags & 1 ? 'bulk' : 'control',
    isPart: (flags & 2) !== 0,
    count: view.getUint16(2, true),
    first: view.getUint32(4, true),
    expected: { control: view.getUint32(8, true), bulk: view.getUint32(12, true) },
    window: { control: view.getUint32(16, true), bulk: view.getUint32(20, true) },
    body: bytes.subarray(frameHeaderBytes),
  }
}

/** The whole number whose last 32 bits are these, and which is nearest to another. */
export function nearest(bits: number, to: number): number {
  return to + ((bits - to) | 0)
}
