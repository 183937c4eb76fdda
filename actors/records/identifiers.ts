import { randomBytes } from 'node:crypto'

/** An id whose first half is the time, so that lists by id are in order of creation. 24 hexadecimal characters. */
export function newIdAt(epochMs: number): string {
  return epochMs.toString(16).padStart(12, '0') + randomBytes(6).toString('hex')
}

const keyBytes = 24
/** Drawn together: a call for each key costs more than the key. */
let drawn = Buffer.alloc(0)

/** Secret, and so not drawn from a job's seed: 24 random bytes in 32 characters. */
export function newTaskKey(): string {
  if (drawn.length === 0) drawn = randomBytes(256 * keyBytes)
  const key = drawn.toString('base64url', 0, keyBytes)
  drawn.fill(0, 0, keyBytes)
  drawn = drawn.subarray(keyBytes)
  return key
}
