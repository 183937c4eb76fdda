import type { IncomingHttpHeaders } from 'node:http'
import { apiError } from '../errors.ts'
import type { Caller } from './authority.ts'
import { keyring } from './keyring.ts'
import { callerOf } from './tokens.ts'

export interface AuthenticationSetting {
  /** Holds the keys by which tokens are signed; made if there is none. Nobody but its owner may read it. */
  readonly keyFile: string
  /** Default: flame-fl. */
  readonly audience?: string
  /** For how long a token may be good. Default: a year. */
  readonly mostSeconds?: number
}

/** Says who is calling. API_TOKEN_MISSING, API_TOKEN_EXPIRED, API_TOKEN_INVALID, API_KEYS_UNUSABLE. */
export type Gate = (headers: IncomingHttpHeaders) => Promise<Caller>

/** A gate that asks for a bearer token (RFC 6750). API_KEY_FILE. */
export async function bearerGate({ keyFile, ...limits }: AuthenticationSetting): Promise<Gate> {
  const keys = await keyring(keyFile)
  return async ({ authorization = '' }) => {
    const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization) ?? []
    if (token === undefined) throw apiError('API_TOKEN_MISSING')
    const ring = await keys().catch((cause: unknown) => {
      throw apiError('API_KEYS_UNUSABLE', {}, { cause })
    })
    return callerOf(token, ring, limits)
  }
}
