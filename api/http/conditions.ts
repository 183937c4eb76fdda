import type { IncomingHttpHeaders } from 'node:http'
import { apiError } from '../errors.ts'

/** The form of If-Match and If-None-Match. */
export const tagList = /^\s*(?:\*|(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*)\s*$/

/** The tags of If-Match; weak ones match nothing. Undefined if there is none. API_HEADER. */
export function matchesIn(headers: IncomingHttpHeaders): readonly string[] | undefined {
  return tagsIn('If-Match', headers['if-match'])
}

/** The tags of If-None-Match. Undefined if there is none. API_HEADER. */
export function excludedIn(headers: IncomingHttpHeaders): readonly string[] | undefined {
  return tagsIn('If-None-Match', headers['if-none-match'])
}

/** Whether the caller already has the version with this tag. API_HEADER. */
export function isKnown(headers: IncomingHttpHeaders, present: string): boolean {
  const known = excludedIn(headers)
  return known !== undefined && known.some((tag) => tag === '*' || tag.replace(/^W\//, '') === present)
}

function tagsIn(header: string, text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined
  if (!tagList.test(text))
    throw apiError('API_HEADER', { header, found: text.slice(0, 300), expected: 'tags in quotes, or *' })
  return text.match(/(?:W\/)?"[^"]*"|\*/g) ?? []
}

const key = /^[\x21-\x7e]{1,255}$/

/** The Idempotency-Key, if there is one. API_HEADER. */
export function idempotencyKeyIn(headers: IncomingHttpHeaders): string | undefined {
  const given = headers['idempotency-key']
  if (given === undefined) return undefined
  if (typeof given === 'string' && key.test(given)) return given
  const expected = '1 to 255 visible characters'
  throw apiError('API_HEADER', { header: 'Idempotency-Key', found: String(given).slice(0, 300), expected })
}

/** From the first byte to the last, both included. */
interface ByteRange {
  readonly first: number
  readonly last: number
}

/**
 * The one range of bytes that is asked for. Undefined if the whole is to be sent: no range, several, another unit, or a
 * range of a version that is gone (RFC 9110). API_RANGE if the range lies outside.
 */
export function rangeIn(
  { range, 'if-range': condition }: IncomingHttpHeaders,
  { sizeBytes, tag }: { readonly sizeBytes: number; readonly tag: string },
): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range?.trim() ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (condition !== undefined && condition !== tag) return undefined
  const outside = () => apiError('API_RANGE', { found: range, size: sizeBytes })
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes)
    if (length === 0) throw outside()
    return { first: sizeBytes - length, last: sizeBytes - 1 }
  }
  // One that ends before it begins is none.
  if (last !== '' && Number(last) < Number(first)) return undefined
  if (Number(first) >= sizeBytes) throw outside()
  return { first: Number(first), last: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) }
}

/** The bytes of a range. */
export async function* slice(
  chunks: AsyncIterable<Uint8Array>,
  { first, last }: ByteRange,
): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const chunk of chunks) {
    const part = chunk.subarray(Math.max(0, first - at), Math.max(0, last + 1 - at))
    if (part.length > 0) yield part
    at += chunk.length
    if (at > last) return
  }
}
