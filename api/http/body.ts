import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { CodedError } from '../../runtime/index.ts'
import { apiError } from '../errors.ts'

export interface BodyLimits {
  readonly jsonBytes: number
  /** Of a form with a code archive. */
  readonly formBytes: number
}

/** What is needed of a request to read its body. */
export type ReadRequest = Pick<IncomingMessage, 'headers' | 'iterator'>

/** Reads a body as JSON. API_MEDIA_TYPE, API_TOO_LARGE, API_JSON; undefined if there is none. */
export async function readJson(request: ReadRequest, limit: number): Promise<unknown> {
  const type = mediaTypeOf(request)
  if (type !== undefined && type !== 'application/json' && !type.endsWith('+json'))
    throw apiError('API_MEDIA_TYPE', { found: type, expected: 'application/json' })
  const bytes = await readBytes(request, limit)
  if (bytes.length === 0) return undefined
  const value = parsed(bytes)
  if (isDeeper(value, mostDepth)) throw apiError('API_JSON', { found: `it is nested more than ${mostDepth} deep` })
  // To decode it takes as long again: others are let in before.
  if (bytes.length > largeBytes) await setImmediate()
  return value
}

/** No model needs more, and who walks through a value may do so by recursion. */
const mostDepth = 64

const largeBytes = 64 * 1024

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((part) => isDeeper(part, levels - 1))
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

async function readBytes(request: ReadRequest, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of chunksOf(request, limit)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A body as it comes. API_MEDIA_TYPE if it's compressed, API_TOO_LARGE once it has more than the limit. */
export async function* chunksOf(request: ReadRequest, limit: number): AsyncGenerator<Uint8Array, void, void> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity')
    throw apiError('API_MEDIA_TYPE', { found: `encoded as ${encoding}`, expected: 'it as it is' })
  const tooLarge = (): CodedError => apiError('API_TOO_LARGE', { limit })
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge()
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes: unknown = chunk
    if (!(bytes instanceof Uint8Array)) continue
    size += bytes.length
    if (size > limit) throw tooLarge()
    yield bytes
  }
}

/** For how long a refused body may still come. */
const lingerMs = 10_000

/**
 * Reads what is left of a refused body and keeps none of it: many clients send to the end before they look at the answer,
 * and would hear of a broken connection instead. Cut off if it takes too long.
 */
export function letBe(request: IncomingMessage): void {
  const timer = setTimeout(() => request.destroy(), lingerMs).unref()
  request.once('close', () => clearTimeout(timer))
  request.resume()
}
