import { CodedError } from '../../../runtime/index.ts'
import { Addressee } from '../../../runtime/kernel/addressee.ts'
import { decodeFrame, encodeFrame, frameHeaderBytes } from '../../../runtime/link/frame.ts'
import { IncomingLane } from '../../../runtime/link/incoming-lane.ts'
import { Batch, copyPieces, valuesOf } from '../../../runtime/link/message-codec.ts'
import { ReturnedRef } from '../../../runtime/link/remote-ref.ts'
import { decodeRendezvousMessage, decodeTaskReport } from '../../../sdk/index.ts'
import { decodeRoleMessage } from '../../../sdk/role/channel/wiring.ts'
import { type Decoder, decoder } from './decoder.ts'
import { mutatedBytes } from './mutations.ts'

const address = { node: 'device', nodeIncarnation: 1, actor: '/trainer-0', actorIncarnation: 1 }
const someRef = () => new ReturnedRef(undefined, address, () => {})
const places = [{ channel: 'param', group: 'default', otherRole: 'trainer' }]
const member = { end: 'trainer-0', incarnation: 1, ref: someRef(), properties: { trainers: ['trainer-0'] } }
const weights = Float32Array.of(1, 2, 3)

const messages: readonly unknown[] = [
  { type: 'join', end: 'trainer-0', role: 'trainer', places, ref: someRef() },
  { type: 'welcome', incarnation: 1, channels: [{ channel: 'param', members: [member], gone: ['trainer-1'] }] },
  {
    type: 'deliver',
    channel: 'param',
    from: 'a',
    incarnation: 1,
    number: 1,
    to: 1,
    message: { type: 'train', weights },
  },
  { type: 'task-failed', end: 'trainer-0', cause: new CodedError('SOME', { message: 'm', hint: 'h' }, { a: 1 }) },
  { type: 'metrics', end: 'trainer-0', metrics: { loss: 0.5 }, more: [1n << 70n, undefined, BigInt64Array.of(1n)] },
]

/** One message each, and all of them many times, with records. */
const batches = [...messages.map((message) => [message]), Array.from({ length: 8 }, () => messages).flat()]

const frames = batches.map((told) => {
  const batch = new Batch(({ number, path }) => ({ of: 'sender', number, path }))
  for (const message of told) batch.add([0, 7, message])
  const pieces = batch.pieces()
  const body = new Uint8Array(pieces.bytes)
  copyPieces(pieces, 0, body)
  return encodeFrame({
    kind: 'data',
    lane: 'control',
    isPart: false,
    count: told.length,
    first: 1,
    expected: { control: 1, bulk: 1 },
    window: { control: 1024, bulk: 1024 },
    body,
  })
})

/** Decodes a frame as a session does, and the frame's messages as actors do. */
function read(bytes: Uint8Array): unknown {
  const frame = decodeFrame(Uint8Array.from(bytes), 'device')
  const body = new IncomingLane(1024 * 1024).accept(frame, 'device')
  if (typeof body === 'string') return body
  const told = valuesOf(body, someRef).filter((_, index) => index % 3 === 2)
  const decoded = told.flatMap((value) => [
    decodeRoleMessage(value),
    decodeRendezvousMessage(value),
    decodeTaskReport(value),
  ])
  return decoded.every((message) => message === undefined) ? plainParts(told) : 'a message'
}

/** The parts of a message without refs and errors, which have classes of their own. */
function plainParts(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (value instanceof Addressee || value instanceof Error) return undefined
  return Object.values(value).map(plainParts)
}

/** Decoders of messages of other nodes. */
export const linkDecoders: readonly Decoder[] = [
  decoder('link-frame', mutatedBytes(frames), read, /^LINK_/),
  decoder(
    'link-body',
    mutatedBytes(frames.map((frame) => frame.slice(frameHeaderBytes))),
    (bytes) => plainParts(valuesOf(Uint8Array.from(bytes), someRef)),
    /^LINK_/,
  ),
]
