import { linkError } from './errors.ts'

/**
 * Carries a session's frames between two nodes. Frames arrive whole and in order, each at most once, until the route is
 * lost. Frames in transit when a route is lost may be lost, too.
 */
export interface Route {
  /** Sends a frame, which belongs to the route from now on. Does nothing on a lost or closed route. */
  send(frame: Uint8Array<ArrayBuffer>): void
  /** Starts to listen; called once. Each frame belongs to the listener. Earlier frames have waited. */
  listen(listener: RouteListener): void
  /**
   * Closes the route. Frames that were sent before still leave, and then the other end is told that the route is lost.
   * The listener of this end is not called any more.
   */
  close(): void
  /** Whether a hub or broker stands between the nodes, which may damage or lose frames of an unbroken route. */
  readonly isRelayed?: boolean
  /** Bytes that were sent and have not left this process yet. Absent if the route can't tell. */
  readonly queuedBytes?: number | undefined
  /** Whether the route carries both lanes, since there can't be a second route. */
  readonly carriesBothLanes?: boolean
}

export interface RouteListener {
  /** Takes a frame. An error that is thrown here closes the route, and is the cause of its loss. */
  heard(frame: Uint8Array<ArrayBuffer>): void
  /** Called once, when no further frame arrives, unless this end has closed the route. Must not throw. */
  lost(cause?: Error): void
  /**
   * Something between the nodes, such as a broker's will, says that the other node is gone. It isn't trusted: the node
   * is asked, and the route is given up soon if it doesn't answer. Only links listen to it.
   */
  doubted?(): void
}

/** Makes a route to a node; one for each lane. Rejects with a coded error if there's none now. */
export type DialRoute = (lane: LaneName, signal: AbortSignal) => Promise<Route>

/** Small messages, and messages with large typed arrays, travel in separate lanes: neither waits for the other. */
export type LaneName = 'control' | 'bulk'

/**
 * `challenge`, `hello` and `welcome` open or resume a session. `resend` asks for every unacknowledged frame of its lane
 * again. `wanted` says that the sender has no route for the frame's lane any more, or yet: the node that dials makes one,
 * the other node forgets its own. `beat` asks for any frame.
 */
export type FrameKind = (typeof kinds)[number]

const kinds = ['hello', 'welcome', 'data', 'acknowledge', 'resend', 'close', 'challenge', 'wanted', 'beat'] as const
/** Frames that open or close a route. */
const greetingKinds = new Set(
  ['hello', 'welcome', 'close', 'challenge'].map((kind) => kinds.findIndex((own) => own === kind)),
)
const beatKind = kinds.indexOf('beat')

/** One number for each lane. */
export type PerLane = Readonly<Record<LaneName, number>>

export interface Frame {
  readonly kind: FrameKind
  readonly lane: LaneName
  /** Whether the body is a part of a longer body. */
  readonly isPart: boolean
  /** Number of envelopes in the body, numbered from `first` on without a gap. A part counts as one. */
  readonly count: number
  readonly first: number
  /** Numbers of the next envelopes that the frame's sender awaits. Earlier envelopes are acknowledged. */
  readonly expected: PerLane
  /** Most bytes that the other node may send ahead of acknowledgements. */
  readonly window: PerLane
  readonly body: Uint8Array<ArrayBuffer>
}

/** Bits of a frame's second byte. */
export const frameFlags = { bulk: 1, part: 2, checked: 4, deflated: 8 } as const
const allFlags = 15
export const frameHeaderBytes = 32
/** Bytes before each part: the length of the whole body, the part's offset in it, the number of its transfer, and 0. */
export const partHeaderBytes = 16
/** Longest frame, with its header. */
export const mostFrameBytes = 256 * 1024

/** Encodes a frame. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(frameHeaderBytes + frame.body.length)
  encodeFrameHeader(frame, bytes)
  bytes.set(frame.body, frameHeaderBytes)
  return bytes
}

/**
 * Encodes the first 32 bytes of a frame, little-endian: 0 kind, 1 flags (1 bulk, 2 part, 4 checked, 8 deflated), 2 count,
 * 4 first, 8 and 12 expected, 16 and 20 windows, 24 zero, 28 check sum or zero. The body follows. Numbers are modulo 2³².
 */
export function encodeFrameHeader(
  { kind, lane, isPart, count, first, expected, window }: Omit<Frame, 'body'>,
  into: Uint8Array,
): void {
  const view = new DataView(into.buffer, into.byteOffset, frameHeaderBytes)
  view.setUint8(0, kinds.indexOf(kind))
  view.setUint8(1, (lane === 'bulk' ? frameFlags.bulk : 0) | (isPart ? frameFlags.part : 0))
  view.setUint16(2, count, true)
  view.setUint32(4, first, true)
  view.setUint32(8, expected.control, true)
  view.setUint32(12, expected.bulk, true)
  view.setUint32(16, window.control, true)
  view.setUint32(20, window.bulk, true)
  view.setUint32(24, 0, true)
  view.setUint32(28, 0, true)
}

/** Decodes an untrusted frame. @throws LINK_FRAME */
export function decodeFrame(bytes: Uint8Array<ArrayBuffer>, node: string): Frame {
  if (bytes.length < frameHeaderBytes) throw linkError('LINK_FRAME', { node, found: `it has ${bytes.length} bytes` })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kind = kinds[view.getUint8(0)]
  const flags = view.getUint8(1)
  if (!kind || flags > allFlags) throw linkError('LINK_FRAME', { node, found: 'its kind is unknown' })
  return {
    kind,
    lane: flags & frameFlags.bulk ? 'bulk' : 'control',
    isPart: (flags & frameFlags.part) !== 0,
    count: view.getUint16(2, true),
    first: view.getUint32(4, true),
    expected: { control: view.getUint32(8, true), bulk: view.getUint32(12, true) },
    window: { control: view.getUint32(16, true), bulk: view.getUint32(20, true) },
    body: bytes.subarray(frameHeaderBytes),
  }
}

/** Whether a frame opens or closes a route, by its first byte. */
export function isGreetingFrame(bytes: Uint8Array): boolean {
  return greetingKinds.has(bytes[0] ?? -1)
}

/** Whether a frame asks for any frame, by its first byte. */
export function isBeat(bytes: Uint8Array): boolean {
  return bytes[0] === beatKind
}

/** The whole number with these last 32 bits that is nearest to `to`. */
export function nearest(bits: number, to: number): number {
  return to + ((bits - to) | 0)
}
