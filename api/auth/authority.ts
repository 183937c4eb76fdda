import { apiError } from '../errors.ts'

/**
 * Who may call: a user for their own things, who runs computes, a compute or a task by its key besides, an administrator.
 * Where nobody is asked who they are, the keys alone count.
 */
export type Auth = 'user' | 'compute' | 'compute-key' | 'task-key' | 'chaos' | 'admin'

/** The rights that a token may give. */
export const scopes = ['user', 'compute', 'flamelet', 'chaos', 'metrics', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** The scope that each kind of operation needs. `admin` allows all of them, for everybody's things. */
export const scopeFor: Readonly<Record<Auth, Scope>> = {
  user: 'user',
  compute: 'compute',
  'compute-key': 'compute',
  'task-key': 'flamelet',
  chaos: 'chaos',
  admin: 'admin',
}

/** Who a token says is calling. */
export interface Caller {
  readonly user: string
  readonly scopes: readonly Scope[]
  /** Names the token, and is no secret. */
  readonly tokenId: string
  /** The one flamelet that may join with the token. Absent: any flamelet of the user. */
  readonly flamelet?: string
  /** The one job whose tasks a flamelet with the token gets. Absent: any job that the user's computes may run. */
  readonly job?: string
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

/** The challenge to a refused caller: the kind of token to send (RFC 9110, RFC 6750). */
export function challengeOf(status: number, code: string): string | undefined {
  if (code === 'API_TOKEN_EXPIRED' || code === 'API_TOKEN_INVALID')
    return 'Bearer realm="flame-fl", error="invalid_token"'
  if (code === 'API_SCOPE') return 'Bearer realm="flame-fl", error="insufficient_scope"'
  if (code === 'COMPUTE_KEY_MISSING') return 'X-API-KEY realm="flame-fl"'
  return status === 401 ? 'Bearer realm="flame-fl"' : undefined
}
