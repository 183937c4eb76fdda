import { randomUUID } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { checkIdentifier } from '../../actors/index.ts'
import { apiError } from '../errors.ts'
import type { Caller } from './authority.ts'
import { type Keys, keysIn } from './key-file.ts'
import { type Scope, scopes } from './scopes.ts'

const issuer = 'flame-fl'
const defaultAudience = 'flame-fl'
const algorithm = 'HS256'

export interface TokenRequest {
  /** The server's; it's made if there is none. */
  readonly keyFile: string
  /** Who bears it. */
  readonly user: string
  readonly scopes: readonly Scope[]
  /** For how long it's good. */
  readonly seconds: number
  /** The server that it's for, if several share a key. */
  readonly audience?: string
  /** Default: now. */
  readonly issuedAt?: Date
}

const claims = z.object({ sub: z.string(), jti: z.string(), scope: z.string() })

/** Signs a token. NAME_INVALID, API_TOKEN_REQUEST, API_KEY_FILE. */
export async function issueToken({
  keyFile,
  user,
  scopes: given,
  seconds,
  audience = defaultAudience,
  issuedAt = new Date(),
}: TokenRequest): Promise<string> {
  checkIdentifier('a user', user)
  const unknown = given.find((scope) => !scopes.includes(scope))
  if (unknown !== undefined || given.length === 0)
    throw apiError('API_TOKEN_REQUEST', { found: `the scope ${unknown ?? 'none'}`, expected: scopes.join(', ') })
  if (!Number.isSafeInteger(seconds) || seconds < 1)
    throw apiError('API_TOKEN_REQUEST', { found: `a life of ${seconds} seconds`, expected: 'a whole number above 0' })
  const { present } = await keysIn(keyFile)
  const at = Math.floor(issuedAt.getTime() / 1000)
  return new SignJWT({ scope: [...new Set(given)].join(' ') })
    .setProtectedHeader({ alg: algorithm, kid: present.id, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(user)
    .setJti(randomUUID())
    .setIssuedAt(at)
    .setExpirationTime(at + seconds)
    .sign(present.secret)
}

/** Who bears a token. API_TOKEN_EXPIRED, or API_TOKEN_INVALID with what is wrong. */
export async function callerOf(token: string, keys: Keys, audience = defaultAudience): Promise<Caller> {
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid = '' }) => {
        const key = keys.find(kid)
        if (!key) throw apiError('API_TOKEN_INVALID', { found: 'its key is none of this server, or no more' })
        return key.secret
      },
      { algorithms: [algorithm], typ: 'at+jwt', issuer, audience, requiredClaims: ['exp'] },
    )
    const { sub, jti, scope } = claims.parse(payload)
    const granted = scopes.filter((name) => scope.split(' ').includes(name))
    return { user: sub, scopes: granted, tokenId: jti }
  } catch (cause) {
    if (cause instanceof errors.JWTExpired) throw apiError('API_TOKEN_EXPIRED', {}, { cause })
    if (cause instanceof errors.JOSEError) throw apiError('API_TOKEN_INVALID', { found: cause.message }, { cause })
    if (cause instanceof z.ZodError) throw apiError('API_TOKEN_INVALID', { found: 'it lacks a claim' }, { cause })
    throw cause
  }
}
