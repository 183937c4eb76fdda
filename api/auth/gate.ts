import type { IncomingHttpHeaders } from 'node:http'
import type { CodedError } from '../../runtime/index.ts'
import { apiError } from '../errors.ts'
import type { Caller } from './authority.ts'
import { type Keyring, keyring } from './keyring.ts'
import { provenBy } from './tokens.ts'

export interface AuthenticationSetting {
  /** Holds the keys by which tokens are signed; made if there is none. Nobody but its owner may read it. */
  readonly keyFile: string
  /** Default: flame-fl. */
  readonly audience?: string
  /** For how long a token may be good. Default: a year. */
  readonly mostSeconds?: number
}

/** Tells the caller of a request by the request's headers. */
export interface Gate {
  /** API_TOKEN_MISSING, API_TOKEN_EXPIRED, API_TOKEN_INVALID, API_KEYS_UNUSABLE. */
  admit(headers: IncomingHttpHeaders): Promise<Caller>
  /** The same for a token by itself, as links bring it. */
  admitToken(token: string): Promise<Caller>
  /** The refusal of headers that bear no token, or a text of another form; undefined if `admit` must look at the token. */
  lack(headers: IncomingHttpHeaders): CodedError | undefined
  /** The user whose token was good lately; undefined for all other tokens. */
  known(headers: IncomingHttpHeaders): string | undefined
}

/** Tokens that are remembered as good. */
const mostProven = 10_000

/** A gate that asks for a bearer token (RFC 6750). API_KEY_FILE. */
export async function bearerGate({ keyFile, ...limits }: AuthenticationSetting): Promise<Gate> {
  const keys = await keyring(keyFile)
  const missing = apiError('API_TOKEN_MISSING')
  const malformed = apiError('API_TOKEN_INVALID', { found: 'it is no signed token (a JSON Web Token)' })
  /** The oldest first. */
  const proven = new Map<string, { readonly caller: Caller; readonly expiresAt: number; readonly ring: Keyring }>()

  function remember(token: string, proof: { caller: Caller; expiresAt: number; ring: Keyring }): void {
    const [oldest] = proven.keys()
    if (proven.size >= mostProven && oldest !== undefined) proven.delete(oldest)
    proven.set(token, proof)
  }

  async function admitToken(token: string | undefined): Promise<Caller> {
    if (token === undefined || token === '') throw missing
    const ring = await keys().catch((cause: unknown) => {
      throw apiError('API_KEYS_UNUSABLE', {}, { cause })
    })
    const known = proven.get(token)
    // Another ring may lack the key, or have the token revoked.
    if (known?.ring === ring && Date.now() / 1000 < known.expiresAt) return known.caller
    proven.delete(token)
    const { caller, expiresAt } = await provenBy(token, ring, limits)
    remember(token, { caller, expiresAt, ring })
    return caller
  }

  return {
    admit: (headers) => admitToken(tokenIn(headers)),
    admitToken,
    lack(headers) {
      const token = tokenIn(headers)
      if (token === undefined) return missing
      return signedToken.test(token) ? undefined : malformed
    },
    known: (headers) => proven.get(tokenIn(headers) ?? '')?.caller.user,
  }
}

const bearer = /^Bearer +([\w.~+/-]+=*)$/i
const signedToken = /^[\w-]+\.[\w-]+\.[\w-]+$/

function tokenIn({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  return bearer.exec(authorization)?.[1]
}
