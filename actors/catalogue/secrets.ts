import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether two secrets are the same, in a time that tells nothing of where they differ, nor of their lengths. */
export function isSameSecret(kept: string, given: string): boolean {
  const [a, b] = [kept, given].map((secret) => createHash('sha256').update(secret).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}
