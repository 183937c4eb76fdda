import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

export interface KeyHash {
  readonly salt: string
  readonly keyHash: string
}

/** What is kept of a compute's key: enough to know it again, not to send it. */
export function hashKey(key: string, salt = randomBytes(16).toString('hex')): KeyHash {
  return { salt, keyHash: createHash('sha256').update(salt).update(key).digest('hex') }
}

export function isKey({ salt, keyHash }: KeyHash, key: string): boolean {
  return timingSafeEqual(Buffer.from(hashKey(key, salt).keyHash), Buffer.from(keyHash))
}
