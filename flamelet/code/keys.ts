import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileErrorCode, fileReason } from '../../runtime/errors/index.ts'
import { makeFolder } from '../../runtime/node/index.ts'
import { flameletError } from '../errors.ts'

/** A public key as text: `ed25519:` and the key's 32 bytes in base64url. */
export type PublicKeyText = string

const prefix = 'ed25519:'
const keyPattern = /^ed25519:[\w-]{43}$/
const namePattern = /^[a-z\d][\w.-]{0,63}$/i

/** A pair of keys of this account. */
export interface SigningKey {
  readonly name: string
  readonly publicKey: PublicKeyText
  readonly privateKey: KeyObject
}

/** Keys as files of a folder that belongs to one account: `NAME.key` is the private key in PEM, of mode 600. */
export interface KeyFolder {
  /** KEY_EXISTS, KEY_INVALID, KEY_FILE. */
  create(name: string): Promise<SigningKey>
  /** KEY_UNKNOWN, KEY_FILE. */
  read(name: string): Promise<SigningKey>
  /** Names, sorted. */
  names(): Promise<string[]>
}

export function keyFolder(folder: string): KeyFolder {
  const fileOf = (name: string) => {
    if (!namePattern.test(name))
      throw flameletError('KEY_INVALID', { given: name, found: 'a name has letters, digits, dots and dashes' })
    return join(folder, `${name}.key`)
  }
  return {
    async create(name) {
      const file = fileOf(name)
      const { privateKey } = generateKeyPairSync('ed25519')
      try {
        await makeFolder(folder, 0o700)
        const handle = await open(file, 'wx', 0o600)
        try {
          await handle.writeFile(privateKey.export({ type: 'pkcs8', format: 'pem' }))
          await handle.sync()
        } finally {
          await handle.close()
        }
      } catch (cause) {
        if (fileErrorCode(cause) === 'EEXIST') throw flameletError('KEY_EXISTS', { name, folder }, { cause })
        throw flameletError('KEY_FILE', { file, reason: fileReason(cause) }, { cause })
      }
      return { name, privateKey, publicKey: publicKeyText(privateKey) }
    },
    async read(name) {
      const file = fileOf(name)
      try {
        await requirePrivate(file)
        // The parser's own message would quote nothing of the key.
        const privateKey = createPrivateKey(await readFile(file))
        if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('it is no ed25519 key')
        return { name, privateKey, publicKey: publicKeyText(privateKey) }
      } catch (cause) {
        if (fileErrorCode(cause) === 'ENOENT') throw flameletError('KEY_UNKNOWN', { name, folder }, { cause })
        throw flameletError('KEY_FILE', { file, reason: fileReason(cause) }, { cause })
      }
    },
    async names() {
      try {
        const files = await readdir(folder)
        return files.flatMap((file) => (file.endsWith('.key') ? [file.slice(0, -'.key'.length)] : [])).toSorted()
      } catch (cause) {
        if (fileErrorCode(cause) === 'ENOENT') return []
        throw flameletError('KEY_FILE', { file: folder, reason: fileReason(cause) }, { cause })
      }
    },
  }
}

/** A private key that other accounts may read signs for them, too. */
async function requirePrivate(file: string): Promise<void> {
  if (process.platform === 'win32') return
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) throw new Error(`other accounts may read it (mode ${(mode & 0o777).toString(8)})`)
}

function publicKeyText(key: KeyObject): PublicKeyText {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  return `${prefix}${x}`
}

/** KEY_INVALID if the text is no key. */
export function publicKeyOf(text: PublicKeyText): KeyObject {
  try {
    if (!keyPattern.test(text)) throw new TypeError('a key is ed25519: and 43 characters')
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: text.slice(prefix.length) }
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw flameletError('KEY_INVALID', { given: JSON.stringify(text.slice(0, 100)), found }, { cause })
  }
}

/** The keys that an owner trusts: each is given as text, or as a file with a key on each line. KEY_INVALID, KEY_FILE. */
export async function trustedKeys(given: readonly string[]): Promise<PublicKeyText[]> {
  const keys: PublicKeyText[] = []
  for (const one of given) {
    if (one.startsWith(prefix)) {
      publicKeyOf(one)
      keys.push(one)
      continue
    }
    const text = await readFile(one, 'utf8').catch((cause: unknown) => {
      throw flameletError('KEY_FILE', { file: one, reason: fileReason(cause) }, { cause })
    })
    const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim())
    for (const line of lines.filter((each) => each !== '')) {
      publicKeyOf(line)
      keys.push(line)
    }
  }
  return [...new Set(keys)]
}
