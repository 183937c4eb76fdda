import { stat } from 'node:fs/promises'
import { fileErrorCode } from '../../runtime/errors/index.ts'
import { isMissing, type Keys, keysIn } from './key-file.ts'
import { revocationsOf, revokedTokens } from './token-records.ts'

const lookEveryMs = 1000

/** The keys by which a server knows its tokens, and which of those were revoked. */
export interface Keyring extends Keys {
  isRevoked(tokenId: string): boolean
}

/** The keys of a file as it is, looked at again once a second when they are asked for. */
export async function keyring(file: string): Promise<() => Promise<Keyring>> {
  let ring = ringOf(file)
  await ring
  let seen = await stampsOf(file)
  let lookedAt = performance.now()
  return async () => {
    if (performance.now() - lookedAt >= lookEveryMs) {
      lookedAt = performance.now()
      const stamps = await stampsOf(file)
      if (stamps !== seen) {
        seen = stamps
        ring = ringOf(file)
      }
    }
    return ring
  }
}

async function ringOf(file: string): Promise<Keyring> {
  const [keys, revoked] = [await keysIn(file), await revokedTokens(file)]
  return { ...keys, isRevoked: (tokenId) => revoked.has(tokenId) }
}

/** Others whenever a file is another, or gone: then new keys are made, and all tokens are void. */
async function stampsOf(file: string): Promise<string> {
  const stamps = await Promise.all([file, revocationsOf(file)].map(stampOf))
  return stamps.join(', ')
}

async function stampOf(file: string): Promise<string> {
  try {
    const { ino, mtimeMs, ctimeMs, size } = await stat(file)
    return [ino, mtimeMs, ctimeMs, size].join(' ')
  } catch (cause) {
    return isMissing(cause) ? 'gone' : `unreadable: ${fileErrorCode(cause)}`
  }
}
