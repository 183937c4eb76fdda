import { memoryRoute, type Route } from '../../runtime/index.ts'
import { encodeFrame, type Frame, type FrameKind } from '../../runtime/link/frame.ts'
import {
  closeCause,
  decodeChallenge,
  encodeChallenge,
  encodeGreeting,
  type Greeting,
} from '../../runtime/link/greeting.ts'
import { SealedRoute } from '../../runtime/link/sealed-route.ts'

const ones = { control: 1, bulk: 1 }
const window = { control: 1024 * 1024, bulk: 1024 * 1024 }

/** One end of a route that a test speaks for, frame by frame. */
export interface RawEnd {
  /** The end for the node under test. */
  readonly other: Route
  readonly heard: readonly Frame[]
  /** Whether the node has closed the route, and with what code; an empty text without a word. */
  readonly closed: string | undefined
  /** Sends a frame as a node would, with a check sum where it belongs. */
  say(kind: FrameKind, body?: Uint8Array<ArrayBuffer>, more?: Partial<Frame>): void
  send(bytes: Uint8Array<ArrayBuffer>): void
  close(): void
}

export function rawEnd(): RawEnd {
  const [own, other] = memoryRoute()
  const sealed = new SealedRoute(own)
  const heard: Frame[] = []
  let isLost = false
  own.listen({
    heard: (bytes) => void heard.push(sealed.read(bytes, 'tested')),
    lost: () => void (isLost = true),
  })
  return {
    other,
    heard,
    get closed() {
      if (!isLost) return undefined
      const last = heard.at(-1)
      return last?.kind === 'close' ? closeCause(last.body, 'tested').code : ''
    },
    say: (kind, body = new Uint8Array(), more = {}) => sealed.send(encodeFrame({ ...plainFrame(kind, body), ...more })),
    send: (bytes) => own.send(bytes),
    close: () => own.close(),
  }
}

export function plainFrame(kind: FrameKind, body: Uint8Array<ArrayBuffer> = new Uint8Array()): Frame {
  return { kind, lane: 'control', isPart: false, count: 0, first: 0, expected: ones, window, body }
}

/** The nonce of every challenge that these ends send. */
export const rawNonce = Uint8Array.from({ length: 16 }, (_, index) => index + 1)

/** A greeting of the node `raw`, in its first life. */
export function rawGreeting(greeting: Partial<Greeting> = {}): Uint8Array<ArrayBuffer> {
  return encodeGreeting({
    ...{ major: 1, minor: 0, features: 0, lanes: 'both', epoch: 1, node: 'raw', incarnation: 1, peerIncarnation: 0 },
    ...{ nonce: rawNonce, token: '', rest: new Uint8Array() },
    ...greeting,
  })
}

export function rawChallenge(major = 1, least = 1, node = 'raw'): Uint8Array<ArrayBuffer> {
  return encodeChallenge({ least, major, minor: 0, features: 0, node, incarnation: 1, nonce: rawNonce })
}

/** The nonce of the challenge that an end has heard. */
export function nonceFor({ heard }: RawEnd): Uint8Array {
  const [challenge] = heard
  return challenge ? decodeChallenge(challenge.body).nonce : new Uint8Array(16)
}
