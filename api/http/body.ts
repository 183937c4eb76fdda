import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { apiError } from '../errors.ts'

export interface BodyLimits {
  readonly jsonBytes: number
  /** Of a form with a code archive. */
  readonly formBytes: number
  /** How long a body may stand still. */
  readonly stallMs: number
}

/** The part of a request that is needed to read its body. */
export type ReadRequest = Pick<IncomingMessage, 'headers' | 'iterator'>

/** A request whose body may have come whole before anybody reads the body. */
type BufferedRequest = ReadRequest & Pick<IncomingMessage, 'complete' | 'readableLength' | 'read'>

/** Limits of reading a body: the most bytes, and the longest time without a byte. */
export interface ReadLimits {
  readonly bytes: number
  readonly stallMs: number
}

/** Reads a body as JSON. Errors as of `chunksOf`, API_JSON, API_FIELD_NAME; undefined if there is none. */
export async function readJson(request: BufferedRequest, limits: ReadLimits): Promise<unknown> {
  const type = mediaTypeOf(request)
  if (type !== undefined && type !== 'application/json' && !type.endsWith('+json'))
    throw apiError('API_MEDIA_TYPE', { found: type, expected: 'application/json' })
  const bytes = await readBytes(request, limits)
  if (bytes.length === 0) return undefined
  const value = parsed(bytes)
  assertSound(value, [])
  // To decode it takes as long again: others are let in before.
  if (bytes.length > largeBytes) await setImmediate()
  return value
}

/** No model needs more, and who walks through a value may do so by recursion. */
const mostDepth = 64

const largeBytes = 64 * 1024

/**
 * Throws API_JSON if a value is nested too deep, and API_FIELD_NAME if a field is named __proto__: code that copies the value
 * would lose the field or take it for the prototype. `place` is the path of the value in the body.
 */
function assertSound(value: unknown, place: (string | number)[]): void {
  if (typeof value !== 'object' || value === null) return
  if (place.length >= mostDepth) throw apiError('API_JSON', { found: `it is nested more than ${mostDepth} deep` })
  const parts = Array.isArray(value) ? value.entries() : Object.entries(value)
  for (const [name, part] of parts) {
    place.push(name)
    if (name === '__proto__') throw apiError('API_FIELD_NAME', { name, place: place.join('.').slice(0, 300) })
    assertSound(part, place)
    place.pop()
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw apiError('API_JSON', { found: cause instanceof Error ? cause.message : cause }, { cause })
  }
}

export function mediaTypeOf({ headers }: ReadRequest): string | undefined {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase()
}

async function readBytes(request: BufferedRequest, limits: ReadLimits): Promise<Uint8Array> {
  if (request.complete && request.readableLength <= limits.bytes) {
    assertReadable(request, limits)
    const bytes: unknown = request.read()
    return bytes instanceof Uint8Array ? bytes : new Uint8Array()
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of chunksOf(request, limits)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A body as it comes. API_MEDIA_TYPE if it's compressed, API_TOO_LARGE, API_BODY_STALLED. */
export async function* chunksOf(request: ReadRequest, limits: ReadLimits): AsyncGenerator<Uint8Array, void, void> {
  assertReadable(request, limits)
  const { bytes: limit, stallMs } = limits
  const chunks = request.iterator({ destroyOnReturn: false })
  let size = 0
  try {
    for (;;) {
      const next = await movingWithin(stallMs, chunks.next())
      if (next.done) return
      const bytes: unknown = next.value
      if (!(bytes instanceof Uint8Array)) continue
      size += bytes.length
      if (size > limit) throw apiError('API_TOO_LARGE', { limit })
      yield bytes
    }
  } finally {
    // Not awaited, because `return` waits for the next bytes. The reader notices a caller that is gone.
    chunks.return?.().catch(() => {})
  }
}

/** API_MEDIA_TYPE if the body is compressed, API_TOO_LARGE if its announced length is above the limit. */
function assertReadable({ headers }: ReadRequest, { bytes: limit }: ReadLimits): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity')
    throw apiError('API_MEDIA_TYPE', { found: `encoded as ${encoding}`, expected: 'it as it is' })
  if (Number(headers['content-length'] ?? 0) > limit) throw apiError('API_TOO_LARGE', { limit })
}

/** API_BODY_STALLED if it takes longer. */
async function movingWithin<Value>(stallMs: number, next: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(apiError('API_BODY_STALLED', { seconds: stallMs / 1000 })), stallMs)
  })
  try {
    return await Promise.race([next, stalled])
  } finally {
    clearTimeout(timer)
  }
}

/** For how long a refused body may still come. */
const lingerMs = 10_000

/**
 * Reads the rest of a refused body and drops it: many clients send the whole body before they read the answer, and would
 * otherwise see a broken connection. Cuts the connection if the rest takes too long.
 */
export function letBe(request: IncomingMessage): void {
  const timer = setTimeout(() => request.destroy(), lingerMs).unref()
  request.once('close', () => clearTimeout(timer))
  request.resume()
}
