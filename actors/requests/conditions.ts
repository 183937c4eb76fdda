import { hash } from 'node:crypto'
import { catalogueError } from '../model/errors.ts'
import type { RequestContext } from './requests.ts'

/** Makes a strong entity tag (RFC 9110): a digest of the JSON that a GET answers with. */
export function entityTag(value: unknown): string {
  return tagOfJson(JSON.stringify(value))
}

/** Makes the same tag from the value's JSON. */
export function tagOfJson(json: string): string {
  return `"${hash('sha256', json, 'base64url').slice(0, 22)}"`
}

/**
 * MATCH_FAILED unless the present value's tag is one that the request names; MATCH_PRESENT if the request excludes the
 * tag. `present` is the value that a GET would answer with, from the same read whose version the write then names;
 * undefined if there is none.
 */
export function assertMatch(context: RequestContext | undefined, what: string, present: unknown): void {
  const { ifMatch, ifNoneMatch = [] } = context ?? {}
  const tag = present === undefined ? undefined : entityTag(present)
  const isOne = (tags: readonly string[]) => tag !== undefined && (tags.includes('*') || tags.includes(tag))
  if (ifMatch && !isOne(ifMatch)) throw catalogueError('MATCH_FAILED', { what })
  // If-None-Match compares weakly (RFC 9110): `W/` is ignored.
  if (isOne(ifNoneMatch.map((name) => name.replace(/^W\//, '')))) throw catalogueError('MATCH_PRESENT', { what })
}

/** FIELD_DIFFERS if the body names another owner than the address does. */
export function sameOwner(user: string, { userId }: { readonly userId?: string }): void {
  if (userId !== undefined && userId !== user)
    throw catalogueError('FIELD_DIFFERS', { field: 'userId', given: userId, expected: user })
}

/** FIELD_DIFFERS if the body names another id than the address does. */
export function sameId(expected: string, { id }: { readonly id?: string }): void {
  if (id !== undefined && id !== expected) throw catalogueError('FIELD_DIFFERS', { field: 'id', given: id, expected })
}
