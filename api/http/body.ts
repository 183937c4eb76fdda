import type { IncomingMessage } from 'node:http'
import { CodedError } from '../../runtime/index.ts'
import { apiError } from '../errors.ts'

export interface BodyLimits {
  readonly jsonBytes: number
  /** Of a form with a code archive. */
  readonly formBytes: number
}

/** Reads a body as JSON. API_MEDIA_TYPE, API_TOO_LARGE, API_JSON; undefined if there is none. */
export async function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  const type = mediaTypeOf(request)
  if (type !== undefined && type !== 'application/json' && !type.endsWith('+json'))
    throw apiError('API_MEDIA_TYPE', { found: type, expected: 'application/json' })
  const bytes = await readBytes(request, limit)
  if (bytes.length === 0) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw apiError('API_JSON', { found: foundIn(cause) }, { cause })
  }
}

/** Reads a form: its texts as strings, its files as bytes. API_MEDIA_TYPE, API_TOO_LARGE, API_FORM. */
export async function readForm(request: IncomingMessage, limit: number): Promise<unknown> {
  const type = mediaTypeOf(request)
  if (type !== 'multipart/form-data')
    throw apiError('API_MEDIA_TYPE', { found: type ?? 'of no type', expected: 'multipart/form-data' })
  const bytes = await readBytes(request, limit)
  try {
    const headers = { 'content-type': request.headers['content-type'] ?? '' }
    const form = await new Response(bytes, { headers }).formData()
    const fields: Record<string, string | Uint8Array> = {}
    for (const [name, value] of form)
      fields[name] = typeof value === 'string' ? value : new Uint8Array(await value.arrayBuffer())
    return fields
  } catch (cause) {
    throw apiError('API_FORM', { found: foundIn(cause) }, { cause })
  }
}

function foundIn(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function mediaTypeOf({ headers }: IncomingMessage): string | undefined {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase()
}

async function readBytes(request: IncomingMessage, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity')
    throw apiError('API_MEDIA_TYPE', { found: `encoded as ${encoding}`, expected: 'it as it is' })
  const tooLarge = (): CodedError => apiError('API_TOO_LARGE', { limit })
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes: unknown = chunk
    if (!(bytes instanceof Uint8Array)) continue
    size += bytes.length
    if (size > limit) throw tooLarge()
    chunks.push(bytes)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
