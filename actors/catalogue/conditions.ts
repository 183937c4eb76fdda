import { createHash } from 'node:crypto'
import { catalogueError } from '../errors.ts'
import type { RequestContext } from './reply.ts'

/** A strong entity tag (RFC 9110): a digest of the JSON that a GET answers with. */
export function entityTag(value: unknown): string {
  return `"${createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 22)}"`
}

/**
 * MATCH_FAILED unless the request names no tag, or that of what is there. `present` is what a GET would answer with, of the
 * same read whose version the write then names; undefined if there is none.
 */
export function assertMatch(context: RequestContext | undefined, what: string, present: unknown): void {
  const { ifMatch } = context ?? {}
  if (!ifMatch || (present !== undefined && ifMatch.includes('*'))) return
  if (present === undefined || !ifMatch.includes(entityTag(present))) throw catalogueError('MATCH_FAILED', { what })
}
