import { apiError } from '../errors.ts'
import type { Scope } from './scopes.ts'

/** Who a token says is calling. */
export interface Caller {
  readonly user: string
  readonly scopes: readonly Scope[]
  /** Names the token, and is no secret. */
  readonly tokenId: string
}

/** API_SCOPE unless the caller has this scope. */
export function assertScope({ scopes }: Caller, needed: Scope): void {
  if (!scopes.includes(needed) && !scopes.includes('admin'))
    throw apiError('API_SCOPE', { needed, present: scopes.join(' ') || 'none' })
}

/** API_FOREIGN_USER unless these are the caller's own things, or the caller is an administrator. */
export function assertOwn({ user, scopes }: Caller, owner: string): void {
  if (owner !== user && !scopes.includes('admin')) throw apiError('API_FOREIGN_USER', { user, owner })
}

/** What a refused caller is to show (RFC 9110, RFC 6750). */
export function challengeOf(status: number, code: string): string | undefined {
  if (code === 'API_TOKEN_EXPIRED' || code === 'API_TOKEN_INVALID')
    return 'Bearer realm="flame-fl", error="invalid_token"'
  if (code === 'API_SCOPE') return 'Bearer realm="flame-fl", error="insufficient_scope"'
  if (code === 'COMPUTE_KEY_MISSING') return 'X-API-KEY realm="flame-fl"'
  return status === 401 ? 'Bearer realm="flame-fl"' : undefined
}
