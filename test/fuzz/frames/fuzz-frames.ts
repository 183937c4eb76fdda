import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { CodedError, crc32 } from '../../../runtime/index.ts'
import type { Addressee } from '../../../runtime/kernel/addressee.ts'
import { encodeFrame, frameFlags, frameHeaderBytes } from '../../../runtime/link/frame.ts'
import { decodeGreeting, packRest } from '../../../runtime/link/greeting.ts'
import { Batch, copyPieces, pack } from '../../../runtime/link/message-codec.ts'
import { clockedNode, noting, terminated } from '../../support/clocked-nodes.ts'
import { plainFrame, type RawEnd, rawChallenge, rawEnd, rawGreeting, rawNonce } from '../../support/raw-end.ts'
import { mutatedBytes } from '../decoders/mutations.ts'

export interface FramesOptions {
  readonly cases: number
  readonly seed: number
  /** Path of a fault that fast-check has printed. */
  readonly path?: string
  /** Called a few times with the number of cases so far. */
  readonly onProgress?: (cases: number) => void
}

export interface FramesFuzzed {
  readonly cases: number
  /** Numbers of cases by how they ended: by the code with which the route was closed, `open`, or `closed` without a word. */
  readonly ends: Readonly<Record<string, number>>
  /** What must not be, and how to see it again. */
  readonly fault?: string
}

const name = ({ path, number }: Addressee) => ({ of: 'sender', number, path }) as const
const message = {
  type: 'join',
  ref: 1,
  weights: Float32Array.of(1, 2),
  cause: new CodedError('SOME', { message: 'm', hint: 'h' }, {}),
}
/** Envelopes of each kind: tell, offer, settled, watch, terminated, stop. */
const envelopes = [
  [0, 1, message],
  [1, 1, message, 1],
  [2, 1, null],
  [3, 1],
  [4, 1, 1, null],
  [5, 1],
  [6, 1, 2_000_000],
  [7, 1, 2_000_000],
  [7, 0, 2_000_000],
]

function bodyOf(several: readonly (readonly unknown[])[]): Uint8Array<ArrayBuffer> {
  const batch = new Batch(name)
  for (const envelope of several) batch.add(envelope)
  const pieces = batch.pieces()
  const body = new Uint8Array(pieces.bytes)
  copyPieces(pieces, 0, body)
  return body
}

const samples = [
  ...(['challenge', 'hello', 'welcome', 'data', 'acknowledge', 'resend', 'wanted', 'beat', 'close'] as const).map(
    (kind) => encodeFrame(plainFrame(kind)),
  ),
  encodeFrame(plainFrame('challenge', rawChallenge())),
  ...(['hello', 'welcome'] as const).map((kind) =>
    encodeFrame(plainFrame(kind, rawGreeting({ token: 'good', rest: packRest([1, '/entry']) }))),
  ),
  encodeFrame(plainFrame('close', pack({ code: 'LINK_NODE_ENDED', reason: 'fuzzed' }))),
  ...[...envelopes.map((envelope) => [envelope]), envelopes].map((several) =>
    encodeFrame({
      ...plainFrame('data', bodyOf(several)),
      ...{ count: several.length, first: 1 },
    }),
  ),
  encodeFrame({
    ...plainFrame('data', Uint8Array.of(16, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3)),
    isPart: true,
    count: 1,
    first: 1,
  }),
]

const frames = fc.oneof(
  { arbitrary: mutatedBytes(samples), weight: 9 },
  { arbitrary: fc.uint8Array({ maxLength: 2 * frameHeaderBytes }), weight: 1 },
)
const states = ['awaiting', 'greeted', 'open', 'dialling', 'challenged', 'welcomed'] as const
const cases = fc.record({
  state: fc.constantFrom(...states),
  // Most frames have a right check sum, or the check sum would be all that is tested.
  frames: fc.array(fc.record({ bytes: frames, isSealed: fc.nat(4).map((one) => one > 0) }), {
    minLength: 1,
    maxLength: 4,
  }),
})

type Case = typeof cases extends fc.Arbitrary<infer One> ? One : never

/** Sends frames like valid ones to nodes in each state of the greeting and of the session. */
export async function fuzzFrames({ cases: numRuns, seed, path, onProgress }: FramesOptions): Promise<FramesFuzzed> {
  const ends: Record<string, number> = {}
  const received: unknown[] = []
  const uncaught: unknown[] = []
  const note = (cause: unknown) => void uncaught.push(cause)
  process.on('unhandledRejection', note).on('uncaughtException', note)
  const pending: (() => void)[] = []
  const server = clockedNode('server', {
    randomBytes: (count) => rawNonce.slice(0, count),
    // Kept, the refusals would be all the growth that is seen.
    onRefused() {},
    async authenticate({ token, node }) {
      if (token === 'good') return { mayStop: false, identity: node, entry: () => entry }
      return new Promise((_, reject) => void pending.push(() => reject(new Error('the token is not good'))))
    },
  })
  const device = clockedNode('device')
  const entry = noting(server.system, received)
  const links = [server.link, device.link]
  let number = 0

  async function oneCase({ state, frames: sent }: Case): Promise<void> {
    number += 1
    const node = `node-${number}`
    const end = rawEnd()
    await reach(state, node, end)
    if (end.closed !== undefined) throw new Error(`closed with ${end.closed} before the first frame`)
    for (const { bytes, isSealed } of sent) {
      const frame = Uint8Array.from(bytes)
      if (isSealed && frame.length >= frameHeaderBytes) seal(frame)
      end.send(frame)
    }
    await turns()
    const outcome = end.closed === '' ? 'closed' : (end.closed ?? 'open')
    if (!/^(open|closed|LINK_[A-Z]+)$/.test(outcome)) throw new Error(`closed with ${outcome}`)
    if (end.heard.length > 40) throw new Error(`${end.heard.length} frames were sent in answer`)
    if (server.system.size !== 2 || device.system.size !== 1) throw new Error('a link has stopped')
    if (uncaught.length > 0) throw new Error(`not caught: ${String(uncaught[0])}`, { cause: uncaught[0] })
    ends[outcome] = (ends[outcome] ?? 0) + 1
    end.close()
    for (const settle of pending.splice(0)) settle()
    for (const link of links) link.declareDead(node)
    for (const { clock } of [server, device]) clock.advance(10)
    received.length = 0
    if (number % 5000 === 0) onProgress?.(number)
  }

  async function reach(state: (typeof states)[number], node: string, end: RawEnd): Promise<void> {
    if (state === 'awaiting' || state === 'greeted' || state === 'open') {
      server.link.accept(end.other, { from: node })
      await turns()
      if (state !== 'awaiting') end.say('hello', rawGreeting({ node, token: state === 'open' ? 'good' : 'slow' }))
    } else {
      device.link.dial(node, end.other, { mayStop: false })
      await turns()
      if (state !== 'dialling') end.say('challenge', rawChallenge(1, 1, node))
      await turns()
      const [hello] = end.heard
      if (state === 'welcomed' && hello)
        end.say('welcome', rawGreeting({ node, epoch: decodeGreeting(hello.body).epoch }))
    }
    await turns()
  }

  try {
    await fc.assert(fc.asyncProperty(cases, oneCase), { numRuns, seed, ...(path !== undefined && { path }) })
    return { cases: number, ends }
  } catch (cause) {
    return { cases: number, ends, fault: faultText(cause) }
  } finally {
    process.off('unhandledRejection', note).off('uncaughtException', note)
    await terminated(server, device)
  }
}

function faultText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const { cause } = thrown
  return cause instanceof Error ? `${thrown.message}\n${cause.stack}` : thrown.message
}

function seal(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  frame[1] = (frame[1] ?? 0) | frameFlags.checked
  view.setUint32(28, 0, true)
  view.setUint32(28, crc32(frame), true)
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Most growth of the heap from a third of the cases to their end. */
const mostGrowthBytes = 8 * 1024 * 1024

/** Sends frames as the arguments say, and prints how routes ended. False if there is a fault, or if memory grew. */
export async function fuzzFramesFor(args: string[], print: (text: string) => void): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      cases: { type: 'string', default: '100000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      path: { type: 'string' },
    },
  })
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const count = Number(values.cases)
  const heaps: number[] = []
  print(`seed ${values.seed}\n`)
  const { cases, ends, fault } = await fuzzFrames({
    cases: count,
    seed: Number(values.seed),
    ...(values.path !== undefined && { path: values.path }),
    onProgress(number) {
      collect()
      heaps.push(process.memoryUsage().heapUsed)
      print(`${number} cases, ${((heaps.at(-1) ?? 0) / 2 ** 20).toFixed(1)} MB of heap\n`)
    },
  })
  for (const [end, number] of Object.entries(ends).toSorted(([, a], [, b]) => b - a))
    print(`${end.padEnd(20)} ${number}\n`)
  if (fault !== undefined) print(`${fault}\n`)
  const growth = (heaps.at(-1) ?? 0) - (heaps[Math.floor(heaps.length / 3)] ?? 0)
  if (growth > mostGrowthBytes) print(`the heap has grown by ${(growth / 2 ** 20).toFixed(1)} MB\n`)
  return fault === undefined && cases >= count && growth <= mostGrowthBytes
}
