import { fieldsOf, isCount, isString } from '../decoding/guards.ts'
import { isLinkError, type LinkError, linkError, sentError } from './errors.ts'
import { pack, unpack } from './message-codec.ts'

/**
 * Version of the protocol. Both ends must speak the same major version. The smaller of both minor versions is spoken:
 * a minor version may add features, kinds of frames that the other end has agreed to, and fields after known ones.
 */
export const version = { least: 1, major: 1, minor: 1 } as const

/** Bits of what a node can do. Both ends do what both have. `wantsCheckSums` asks the other for them. */
export const features = { checkSums: 1, deflate: 2, wantsCheckSums: 4 } as const

/** Lanes that a route carries. */
export type RouteLanes = 'control' | 'bulk' | 'both'

/** A number that no earlier route has had, which the greeting repeats: a recorded greeting is worthless. */
export const nonceBytes = 16

/** First message of the accepting end of a route. */
export interface Challenge {
  /** Range of the major versions that the node speaks, and its newest minor version. */
  readonly least: number
  readonly major: number
  readonly minor: number
  readonly features: number
  readonly node: string
  readonly incarnation: number
  readonly nonce: Uint8Array
}

/** Answer to a challenge (`hello`), or to this answer (`welcome`). */
export interface Greeting {
  readonly major: number
  readonly minor: number
  /** Features that the sender offers; in a welcome, those that both nodes have. */
  readonly features: number
  readonly lanes: RouteLanes
  /** Numbers the routes that the dialling node has made. */
  readonly epoch: number
  readonly node: string
  readonly incarnation: number
  /** The life of the other node with which the sender has a session; 0 if none. */
  readonly peerIncarnation: number
  readonly nonce: Uint8Array
  /** Proves who the sender is. Empty in a welcome. */
  readonly token: string
  /** MessagePack with further fields, which is read after the token was accepted. */
  readonly rest: Uint8Array
}

const lanes: readonly RouteLanes[] = ['control', 'bulk', 'both']
const challengeBytes = 32
const greetingBytes = 48
const mostNameCharacters = 1000
const mostTokenBytes = 16 * 1024
/** Longest body of a greeting. */
export const mostGreetingBytes = 32 * 1024

/** Encodes, little-endian: 0 least, 1 major, 2 minor version, 4 features, 8 incarnation, 16 nonce, 32 name in UTF-8. */
export function encodeChallenge(challenge: Challenge): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(challenge.node)
  const bytes = new Uint8Array(challengeBytes + name.length)
  const view = new DataView(bytes.buffer)
  bytes.set([challenge.least, challenge.major, challenge.minor])
  view.setUint32(4, challenge.features, true)
  view.setFloat64(8, challenge.incarnation, true)
  bytes.set(challenge.nonce, 16)
  bytes.set(name, challengeBytes)
  return bytes
}

/** Decodes an untrusted challenge. @throws LINK_HANDSHAKE */
export function decodeChallenge(bytes: Uint8Array): Challenge {
  if (bytes.length < challengeBytes || bytes.length > mostGreetingBytes)
    throw refused(`its challenge has ${bytes.length} bytes, fewer or more than a challenge can have`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    least: view.getUint8(0),
    major: view.getUint8(1),
    minor: view.getUint8(2),
    features: view.getUint32(4, true),
    incarnation: incarnation(view.getFloat64(8, true)),
    nonce: bytes.slice(16, challengeBytes),
    node: nodeName(bytes.subarray(challengeBytes)),
  }
}

/**
 * Encodes, little-endian: 0 major and 1 minor version, 2 lanes, 4 features, 8 epoch, 12 bytes of the name, 14 bytes of
 * the token, 16 incarnation, 24 the other's incarnation, 32 nonce, 48 name and token in UTF-8, rest.
 */
export function encodeGreeting(greeting: Greeting): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(greeting.node)
  const token = new TextEncoder().encode(greeting.token)
  if (token.length > mostTokenBytes) throw refused(`the token has more than ${mostTokenBytes} bytes`)
  const bytes = new Uint8Array(greetingBytes + name.length + token.length + greeting.rest.length)
  const view = new DataView(bytes.buffer)
  bytes.set([greeting.major, greeting.minor, lanes.indexOf(greeting.lanes)])
  view.setUint32(4, greeting.features, true)
  view.setUint32(8, greeting.epoch, true)
  view.setUint16(12, name.length, true)
  view.setUint16(14, token.length, true)
  view.setFloat64(16, greeting.incarnation, true)
  view.setFloat64(24, greeting.peerIncarnation, true)
  bytes.set(greeting.nonce, 32)
  bytes.set(name, greetingBytes)
  bytes.set(token, greetingBytes + name.length)
  bytes.set(greeting.rest, greetingBytes + name.length + token.length)
  return bytes
}

/**
 * Decodes an untrusted greeting, but for its rest. LINK_VERSION if its version is another, before anything else is
 * read. @throws LINK_HANDSHAKE
 */
export function decodeGreeting(bytes: Uint8Array): Greeting {
  if (bytes.length < greetingBytes || bytes.length > mostGreetingBytes)
    throw refused(`its greeting has ${bytes.length} bytes, fewer or more than a greeting can have`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const major = view.getUint8(0)
  if (major < version.least || major > version.major) throw versionError(major, major)
  const carried = lanes[view.getUint8(2)]
  const [nameBytes, tokenBytes] = [view.getUint16(12, true), view.getUint16(14, true)]
  const tokenAt = greetingBytes + nameBytes
  const restAt = tokenAt + tokenBytes
  if (!carried || restAt > bytes.length) throw refused('its greeting is incomplete')
  return {
    major,
    minor: view.getUint8(1),
    features: view.getUint32(4, true),
    lanes: carried,
    epoch: view.getUint32(8, true),
    incarnation: incarnation(view.getFloat64(16, true)),
    peerIncarnation: incarnation(view.getFloat64(24, true)),
    nonce: bytes.slice(32, greetingBytes),
    node: nodeName(bytes.subarray(greetingBytes, tokenAt)),
    token: text(bytes.subarray(tokenAt, restAt)),
    rest: bytes.slice(restAt),
  }
}

/** Number and path of the ref that a node gives to each node unasked. */
export type EntryName = readonly [number, string]

/** Packs a greeting's further fields. A newer minor version may add fields. */
export function packRest(entry: EntryName | undefined): Uint8Array {
  return entry ? pack({ entry }) : new Uint8Array()
}

/** Reads the further fields of a greeting. @throws LINK_HANDSHAKE, LINK_VALUE */
export function entryIn(rest: Uint8Array): EntryName | undefined {
  if (rest.length === 0) return undefined
  const { entry } = fieldsOf(unpack(rest))
  if (entry === undefined || entry === null) return undefined
  const [number, path]: readonly unknown[] = Array.isArray(entry) ? entry : []
  if (!isCount(number) || !isString(path) || path.length > mostNameCharacters) throw refused('its entry is no ref')
  return [number, path]
}

/** Packs the code and the text of an error for the last frame of a route. Other errors become LINK_HANDSHAKE. */
export function closeBody(cause: Error): Uint8Array<ArrayBuffer> {
  return pack({ code: isLinkError(cause) ? cause.code : 'LINK_HANDSHAKE', reason: cause.message })
}

/** Reads the last frame of a route. @throws LINK_VALUE */
export function closeCause(body: Uint8Array, node: string): LinkError {
  const { code, reason } = fieldsOf(unpack(body))
  return sentError(String(code), String(reason ?? 'it gave no reason').slice(0, mostNameCharacters), node)
}

export function isSameNonce(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}

/** The major version that a challenged node speaks with the challenger. @throws LINK_VERSION */
export function spokenVersion({ least, major }: Challenge): number {
  const spoken = Math.min(major, version.major)
  if (spoken < Math.max(least, version.least)) throw versionError(least, major)
  return spoken
}

function versionError(least: number, major: number): Error {
  const own = `${version.least} to ${version.major}`
  return linkError('LINK_VERSION', { found: `${least} to ${major}`, own })
}

function nodeName(bytes: Uint8Array): string {
  const name = text(bytes)
  if (name === '' || name.length > mostNameCharacters || hasControlCharacter(name)) throw refused('it has no name')
  return name
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw linkError('LINK_HANDSHAKE', { node: 'unknown', found: 'its greeting has a text outside UTF-8' }, { cause })
  }
}

function hasControlCharacter(name: string): boolean {
  return /\p{Cc}/u.test(name)
}

function incarnation(value: number): number {
  if (!isCount(value)) throw refused('it has no incarnation')
  return value
}

function refused(found: string): Error {
  return linkError('LINK_HANDSHAKE', { node: 'unknown', found })
}
