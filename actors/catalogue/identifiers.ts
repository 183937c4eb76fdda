import { randomBytes } from 'node:crypto'

/** An id whose first half is the time, so that lists by id are in order of creation. 24 hexadecimal characters. */
export function newIdAt(epochMs: number): string {
  return epochMs.toString(16).padStart(12, '0') + randomBytes(6).toString('hex')
}

/** Secret, and so not drawn from a job's seed: 24 random bytes in 32 characters. */
export function newTaskKey(): string {
  return randomBytes(24).toString('base64url')
}
