import type { IncomingHttpHeaders } from 'node:http'
import { apiError } from '../errors.ts'

/** What If-Match and If-None-Match may hold. */
export const tagList = /^\s*(?:\*|(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*)\s*$/

/** The tags of If-Match; weak ones match nothing. Undefined if there is none. API_HEADER. */
export function matchesIn(headers: IncomingHttpHeaders): readonly string[] | undefined {
  return tagsIn('If-Match', headers['if-match'])
}

/** The tags of If-None-Match. Undefined if there is none. API_HEADER. */
export function excludedIn(headers: IncomingHttpHeaders): readonly string[] | undefined {
  return tagsIn('If-None-Match', headers['if-none-match'])
}

/** Whether the caller has what bears this tag already. API_HEADER. */
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
