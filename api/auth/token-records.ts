import { randomBytes } from 'node:crypto'
import { open, rename, stat, writeFile } from 'node:fs/promises'
import { decodeJwt } from 'jose'
import { z } from 'zod'
import { apiError } from '../errors.ts'
import { ownFile, reaching } from './key-file.ts'

/** The record of an issued token, without the token itself. */
const issued = z.object({
  id: z.string(),
  user: z.string(),
  scopes: z.array(z.string()),
  flamelet: z.string().exactOptional(),
  job: z.string().exactOptional(),
  issuedAt: z.string(),
  expiresAt: z.string(),
})
export type IssuedToken = z.output<typeof issued>

const revoked = z.object({ id: z.string(), at: z.string() })

/** The list of issued tokens is only for people: beyond this many bytes those that have expired leave it. */
const listBytes = 256 * 1024

/** Where it stands which tokens were revoked: beside the keys. */
export function revocationsOf(keyFile: string): string {
  return `${keyFile}.revoked`
}

function issuedIn(keyFile: string): string {
  return `${keyFile}.issued`
}

/** Ids of tokens that are good no more. API_KEY_FILE if others may change them, or they can't be read: then no token is good. */
export async function revokedTokens(keyFile: string): Promise<ReadonlySet<string>> {
  return new Set((await linesOf(revocationsOf(keyFile), revoked)).map(({ id }) => id))
}

/**
 * Revokes a token, named by its id or by itself: running servers take it up within a second. Answers with its id.
 * API_TOKEN_REQUEST, API_KEY_FILE, API_KEY_PLACE.
 */
export async function revokeToken(keyFile: string, given: string): Promise<string> {
  const id = idOf(given.trim())
  await reaching(keyFile, async () => {
    if ((await revokedTokens(keyFile)).has(id)) return
    await append(revocationsOf(keyFile), { id, at: new Date().toISOString() })
  })
  return id
}

/** Tokens that were issued with this key file and haven't expired, and whether each was revoked. API_KEY_FILE, API_KEY_PLACE. */
export async function issuedTokens(keyFile: string): Promise<readonly (IssuedToken & { readonly revoked: boolean })[]> {
  return reaching(keyFile, async () => {
    const gone = await revokedTokens(keyFile)
    return (await unexpired(keyFile)).map((token) => ({ ...token, revoked: gone.has(token.id) }))
  })
}

/** Notes a token in the list. */
export async function noteIssued(keyFile: string, token: IssuedToken): Promise<void> {
  const file = issuedIn(keyFile)
  await append(file, token)
  if ((await stat(file)).size < listBytes) return
  const written = `${file}.${randomBytes(6).toString('hex')}`
  const kept = (await unexpired(keyFile)).map((one) => `${JSON.stringify(one)}\n`)
  await writeFile(written, kept.join(''), { mode: 0o600 })
  await rename(written, file)
}

async function unexpired(keyFile: string): Promise<IssuedToken[]> {
  const now = new Date().toISOString()
  return (await linesOf(issuedIn(keyFile), issued)).filter(({ expiresAt }) => expiresAt > now)
}

function idOf(given: string): string {
  let id: string | undefined = given
  if (given.includes('.')) {
    try {
      id = decodeJwt(given).jti
    } catch {
      id = undefined
    }
  }
  if (id !== undefined && /^[\w-]{1,100}$/.test(id)) return id
  throw apiError('API_TOKEN_REQUEST', { found: 'this as its id', expected: 'an id that was listed, or a token' })
}

/** One write of one line: several processes may do so at once. */
async function append(file: string, value: unknown): Promise<void> {
  const handle = await open(file, 'a', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(value)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function linesOf<Line>(file: string, model: z.ZodType<Line>): Promise<Line[]> {
  const text = (await ownFile(file)) ?? ''
  // A last line without its end is still being written.
  const lines = text.split('\n').slice(0, -1)
  try {
    return lines.map((line) => model.parse(JSON.parse(line)))
  } catch (cause) {
    throw apiError('API_KEY_FILE', { file, found: 'a line of it cannot be read' }, { cause })
  }
}
