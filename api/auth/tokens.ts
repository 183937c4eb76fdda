import { randomUUID } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { checkIdentifier } from '../../actors/index.ts'
import { apiError } from '../errors.ts'
import { type Caller, type Scope, scopes } from './authority.ts'
import { keysIn, reaching } from './key-file.ts'
import type { Keyring } from './keyring.ts'
import { noteIssued } from './token-records.ts'

const issuer = 'flame-fl'
const defaultAudience = 'flame-fl'
const algorithm = 'HS256'
const day = 24 * 60 * 60
/** The longest life of a token by default: a leaked token is found late, if ever. */
export const defaultMostSeconds = 365 * day

export interface TokenRequest {
  /** The server's; it's made if there is none. */
  readonly keyFile: string
  /** Who bears it. */
  readonly user: string
  readonly scopes: readonly Scope[]
  /** For how long it's good: at most `mostSeconds`. */
  readonly seconds: number
  /** The server that it's for, if several share a key. */
  readonly audience?: string
  /** Default: a year. */
  readonly mostSeconds?: number
  /** Of a token with the scope flamelet: the name of the one flamelet that may join with it. */
  readonly flamelet?: string
  /** Of a token with the scope flamelet: the one job whose tasks that flamelet gets. */
  readonly job?: string
  /** Default: now. */
  readonly issuedAt?: Date
}

const claims = z.object({
  sub: z.string(),
  jti: z.string(),
  scope: z.string(),
  iat: z.number(),
  exp: z.number(),
  flamelet: z.string().exactOptional(),
  job: z.string().exactOptional(),
})

/** Signs a token, and notes beside the keys that it was issued. NAME_INVALID, API_TOKEN_REQUEST, API_KEY_FILE, API_KEY_PLACE. */
export async function issueToken({
  keyFile,
  user,
  scopes: given,
  seconds,
  audience = defaultAudience,
  mostSeconds = defaultMostSeconds,
  flamelet,
  job,
  issuedAt = new Date(),
}: TokenRequest): Promise<string> {
  checkIdentifier('a user', user)
  if (flamelet !== undefined) checkIdentifier('a flamelet', flamelet)
  if (job !== undefined) checkIdentifier('a job', job)
  const bound = { ...(flamelet === undefined ? {} : { flamelet }), ...(job === undefined ? {} : { job }) }
  const unknown = given.find((scope) => !scopes.includes(scope))
  if (unknown !== undefined || given.length === 0)
    throw apiError('API_TOKEN_REQUEST', { found: `the scope ${unknown ?? 'none'}`, expected: scopes.join(', ') })
  if (Object.keys(bound).length > 0 && given.some((scope) => scope !== 'flamelet'))
    throw apiError('API_TOKEN_REQUEST', {
      found: `the name or job of a flamelet, and the scope ${given.join(' ')}`,
      expected: 'the scope flamelet alone, so that the token gives no more than that flamelet needs',
    })
  if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > mostSeconds) {
    const expected = `a whole number of seconds up to ${mostSeconds}, which is ${daysOf(mostSeconds)}`
    throw apiError('API_TOKEN_REQUEST', { found: `a life of ${seconds} seconds`, expected })
  }
  const { present } = await keysIn(keyFile)
  const at = Math.floor(issuedAt.getTime() / 1000)
  const [id, unique] = [randomUUID(), [...new Set(given)]]
  const token = await new SignJWT({ scope: unique.join(' '), ...bound })
    .setProtectedHeader({ alg: algorithm, kid: present.id, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(user)
    .setJti(id)
    .setIssuedAt(at)
    .setExpirationTime(at + seconds)
    .sign(present.secret)
  const times = { issuedAt: timeOf(at), expiresAt: timeOf(at + seconds) }
  await reaching(keyFile, () => noteIssued(keyFile, { id, user, scopes: unique, ...bound, ...times }))
  return token
}

/** The caller that a token names, and until when, in seconds of the epoch. API_TOKEN_EXPIRED, API_TOKEN_INVALID with the fault. */
export async function provenBy(
  token: string,
  keys: Keyring,
  { audience = defaultAudience, mostSeconds = defaultMostSeconds }: Pick<TokenRequest, 'audience' | 'mostSeconds'> = {},
): Promise<{ readonly caller: Caller; readonly expiresAt: number }> {
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid = '' }) => {
        const key = keys.find(kid)
        if (!key) throw apiError('API_TOKEN_INVALID', { found: 'its key is none of this server, or no more' })
        return key.secret
      },
      { algorithms: [algorithm], typ: 'at+jwt', issuer, audience, requiredClaims: ['exp', 'iat'] },
    )
    const { sub, jti, scope, iat, exp, ...bound } = claims.parse(payload)
    if (keys.isRevoked(jti)) throw apiError('API_TOKEN_INVALID', { found: 'it was revoked' })
    if (exp - iat > mostSeconds)
      throw apiError('API_TOKEN_INVALID', {
        found: `it is good for ${daysOf(exp - iat)}, and this server takes at most ${daysOf(mostSeconds)}`,
      })
    const granted = scopes.filter((name) => scope.split(' ').includes(name))
    return { caller: { user: sub, scopes: granted, tokenId: jti, ...bound }, expiresAt: exp }
  } catch (cause) {
    if (cause instanceof errors.JWTExpired) throw apiError('API_TOKEN_EXPIRED', {}, { cause })
    if (cause instanceof errors.JOSEError) throw apiError('API_TOKEN_INVALID', { found: cause.message }, { cause })
    if (cause instanceof z.ZodError) throw apiError('API_TOKEN_INVALID', { found: 'it lacks a claim' }, { cause })
    throw cause
  }
}

function daysOf(seconds: number): string {
  return `${Math.round((seconds / day) * 100) / 100} days`
}

function timeOf(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString()
}
