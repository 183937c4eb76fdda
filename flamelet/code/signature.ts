import { createHash, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { flameletError } from '../errors.ts'
import { type PublicKeyText, publicKeyOf, type SigningKey } from './keys.ts'

/** Path of the signature in an archive, or in the folder that is packed. Any way that carries code carries it. */
export const signatureFile = 'flame-signature.json'

const mostBytes = 10_000
const time = z.iso.datetime()

const signatureModel = z.strictObject({
  format: z.literal(1),
  /** The content that was signed, for people. */
  name: z.string().regex(/^[^\p{Cc}]{1,200}$/u),
  key: z.string(),
  signedAt: time,
  expiresAt: time,
  /** SHA-256 over paths and contents of all other files. */
  digest: z.string().regex(/^[\da-f]{64}$/),
  signature: z.string().regex(/^[\w-]{86}$/),
})
export type CodeSignature = z.output<typeof signatureModel>

/** Files by path with slashes. */
export type CodeFiles = ReadonlyMap<string, Uint8Array>

/** Signs all files but the signature itself. Times are RFC 3339. */
export function signedCode(
  files: CodeFiles,
  { publicKey, privateKey }: SigningKey,
  about: { readonly name: string; readonly signedAt: string; readonly expiresAt: string },
): Uint8Array<ArrayBuffer> {
  const claim = { format: 1, ...about, key: publicKey, digest: digestOf(files) } as const
  const signature = sign(null, signedBytes(claim), privateKey).toString('base64url')
  const whole = signatureModel.parse({ ...claim, signature })
  return new TextEncoder().encode(`${JSON.stringify(whole, null, 2)}\n`)
}

export interface Trust {
  /** Name of the flamelet, for messages. */
  readonly flamelet: string
  /** `any` runs all code, signed or not. */
  readonly keys: readonly PublicKeyText[] | 'any'
}

/**
 * Checks that a trusted key has signed exactly these files, and that the signature is valid at a time (RFC 3339).
 *
 * @throws CODE_UNSIGNED, CODE_SIGNATURE, CODE_SIGNER, CODE_EXPIRED.
 */
export function requireSigned(files: CodeFiles, { flamelet, keys }: Trust, now: string): void {
  if (keys === 'any') return
  const given = files.get(signatureFile)
  if (!given) throw flameletError('CODE_UNSIGNED', { flamelet })
  const claim = readSignature(given)
  const { key, name } = claim
  if (!keys.includes(key)) throw flameletError('CODE_SIGNER', { key, flamelet })
  const isGenuine = verify(null, signedBytes(claim), publicKeyOf(key), Buffer.from(claim.signature, 'base64url'))
  if (!isGenuine) throw flameletError('CODE_SIGNATURE', { found: `key ${key} did not make it` })
  if (digestOf(files) !== claim.digest)
    throw flameletError('CODE_SIGNATURE', { found: 'files were changed, added or removed after it was made' })
  if (Date.parse(now) >= Date.parse(claim.expiresAt))
    throw flameletError('CODE_EXPIRED', { name, key, until: claim.expiresAt })
}

function readSignature(bytes: Uint8Array): CodeSignature {
  let cause: unknown
  try {
    if (bytes.length > mostBytes) throw new RangeError(`${signatureFile} has ${bytes.length} bytes`)
    const read = signatureModel.safeParse(JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(bytes)))
    if (read.success) return read.data
    cause = read.error
  } catch (thrown) {
    cause = thrown
  }
  const found = cause instanceof z.ZodError ? z.prettifyError(cause) : cause instanceof Error ? cause.message : cause
  throw flameletError('CODE_SIGNATURE', { found: `${signatureFile}: ${found}` }, { cause })
}

/** The bytes that a key signs. No field has a line feed, and the first line separates them from all else that is signed. */
function signedBytes({ name, key, signedAt, expiresAt, digest }: Omit<CodeSignature, 'signature'>): Uint8Array {
  return new TextEncoder().encode(['flame-fl code, format 1', name, key, signedAt, expiresAt, digest, ''].join('\n'))
}

/** Digest of paths and contents, the same for a folder and for each way to pack it. */
function digestOf(files: CodeFiles): string {
  const whole = createHash('sha256')
  // Archives are unpacked with names in Unicode's composed form; folders of some systems have the other form.
  const named = [...files].map(([path, bytes]) => [path.normalize('NFC'), bytes] as const)
  for (const [path, bytes] of named.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (path === signatureFile) continue
    whole.update(`${createHash('sha256').update(bytes).digest('hex')} ${JSON.stringify(path)}\n`)
  }
  return whole.digest('hex')
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** FLAMELET_TRUST unless a server is on this machine: one elsewhere may bring anybody's code. */
export function requireTrustworthy(url: string): void {
  if (!URL.canParse(url) || !loopback.test(new URL(url).hostname)) throw flameletError('FLAMELET_TRUST', { url })
}
