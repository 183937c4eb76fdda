import { randomBytes } from 'node:crypto'
import { link, open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { fileReason, systemFaultOf } from '../../runtime/index.ts'
import { makeFolder } from '../../runtime/node/index.ts'
import { apiError } from '../errors.ts'

/** The keys by which tokens are signed, the present one first. As a JSON Web Key Set (RFC 7517). */
const keySet = z.object({
  keys: z
    .array(
      z.object({
        kty: z.literal('oct'),
        alg: z.literal('HS256'),
        kid: z.string().min(1),
        k: z.string().regex(/^[\w-]+$/),
      }),
    )
    .min(1),
})
type KeySet = z.output<typeof keySet>

const keyBytes = 32

interface SigningKey {
  readonly id: string
  readonly secret: Uint8Array
}

export interface Keys {
  readonly present: SigningKey
  /** By its id; undefined if it's none of these, or no more. */
  find(id: string): SigningKey | undefined
}

/** Reads the keys of a file that nobody but its owner may read; makes it if there is none. API_KEY_FILE, API_KEY_PLACE. */
export async function keysIn(file: string): Promise<Keys> {
  const set = await reaching(file, async () => (await readKeys(file)) ?? (await createKeys(file)))
  const keys = set.keys.map(({ kid, k }) => ({ id: kid, secret: new Uint8Array(Buffer.from(k, 'base64url')) }))
  const [present] = keys
  if (!present) throw unusable(file, 'it holds no key')
  return { present, find: (id) => keys.find((key) => key.id === id) }
}

/**
 * Puts a new key first. The older ones go, and with them every token that was issued so far, unless they are kept; then
 * those tokens are good until they expire. A running server takes it up within a second. API_KEY_FILE, API_KEY_PLACE.
 */
export async function rotateKeys(
  file: string,
  { keepOld = false }: { readonly keepOld?: boolean } = {},
): Promise<void> {
  await reaching(file, async () => {
    const { keys } = (keepOld ? await readKeys(file) : undefined) ?? { keys: [] }
    const written = await writeBeside(file, { keys: [newKey(), ...keys] })
    await rename(written, file)
  })
}

async function readKeys(file: string): Promise<KeySet | undefined> {
  const text = await ownFile(file)
  if (text === undefined) return undefined
  let set: KeySet
  try {
    set = keySet.parse(JSON.parse(text))
  } catch {
    // Without the cause, which may quote the key.
    throw unusable(file, 'it is no set of keys')
  }
  if (set.keys.some(({ k }) => isWeak(Buffer.from(k, 'base64url'))))
    throw unusable(file, `a key in it is no ${8 * keyBytes} random bits`)
  return set
}

/** A key that somebody made up. Of 32 random bytes, fewer than 12 are different once in 10¹⁷ times. */
function isWeak(key: Buffer): boolean {
  return key.length < keyBytes || new Set(key).size < 12
}

async function createKeys(file: string): Promise<KeySet> {
  const created = { keys: [newKey()] }
  const written = await writeBeside(file, created)
  try {
    await link(written, file)
    return created
  } catch (cause) {
    // Another process was faster.
    const present = await readKeys(file)
    if (!present) throw cause
    return present
  } finally {
    await unlink(written)
  }
}

/** Durable under a name of its own, so that nobody reads a half of it. */
async function writeBeside(file: string, set: KeySet): Promise<string> {
  const name = `${file}.${randomBytes(6).toString('hex')}`
  await makeFolder(dirname(file), 0o700)
  const handle = await open(name, 'wx', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(set)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return name
}

function newKey(): KeySet['keys'][number] {
  const [kid, k] = [randomBytes(6).toString('hex'), randomBytes(keyBytes).toString('base64url')]
  return { kty: 'oct', alg: 'HS256', kid, k }
}

const [others, writers, sticky] = [0o077, 0o022, 0o1000]
const root = 0

/** Does some work on a file; an error of the file system becomes API_KEY_PLACE. */
export async function reaching<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    if (!systemFaultOf(cause)) throw cause
    throw apiError('API_KEY_PLACE', { file: resolve(file), reason: fileReason(cause) }, { cause })
  }
}

/**
 * The text of a file that only this account and root may read or replace. Undefined if the file is missing. API_KEY_FILE if the
 * owner or the rights of the file or of its folder are others. Windows has other rights: there the file is read unchecked.
 */
export async function ownFile(file: string): Promise<string | undefined> {
  try {
    await assertPrivate(file)
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

async function assertPrivate(file: string): Promise<void> {
  const own = process.geteuid?.()
  const { mode, uid } = await stat(file)
  if (own === undefined) return
  const isOurs = (account: number) => account === own || account === root
  if (!isOurs(uid)) throw unusable(file, `it belongs to account ${uid}`)
  if ((mode & others) !== 0) throw unusable(file, `its mode is ${octal(mode)}, and others may use it`)
  const folders = new Set([dirname(resolve(file)), dirname(await realpath(file))])
  for (const folder of folders) {
    const found = await stat(folder)
    // Who owns a folder, or may write it, can put another file in the place of this one.
    if (!isOurs(found.uid)) throw unusable(file, `its folder ${folder} belongs to account ${found.uid}`)
    if ((found.mode & writers) !== 0 && (found.mode & sticky) === 0)
      throw unusable(file, `others may write its folder ${folder}, whose mode is ${octal(found.mode)}`)
  }
}

export function isMissing(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOENT'
}

function unusable(file: string, found: string) {
  return apiError('API_KEY_FILE', { file, found })
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8)
}
