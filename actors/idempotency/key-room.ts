import type { Documents } from '../../runtime/index.ts'
import { catalogueError } from '../model/errors.ts'
import { quotaWords } from '../model/quotas.ts'
import { keysOf } from '../quotas/usage.ts'

/** Keys go when they expire, or their request was refused: so long after a count there may be room again. */
const countedAgainMs = 10_000

/** How many keys each user may still use; `most` undefined: any number. */
export function keyRoom(most: number | undefined, documents: Documents, nowMs: () => number) {
  const counts = new Map<string, { used: number; readonly atMs: number }>()

  async function countOf(user: string): Promise<{ used: number; readonly atMs: number }> {
    const present = counts.get(user)
    const isFull = present !== undefined && most !== undefined && present.used >= most
    if (present && !(isFull && nowMs() - present.atMs >= countedAgainMs)) return present
    const counted = { used: await keysOf(documents, user), atMs: nowMs() }
    counts.set(user, counted)
    return counted
  }

  async function isFull(user: string): Promise<boolean> {
    return most !== undefined && (await countOf(user)).used >= most
  }

  return {
    isFull,
    /** QUOTA_REACHED. */
    async take(user: string): Promise<void> {
      if (most === undefined || user === '') return
      const count = await countOf(user)
      const { what, advice } = quotaWords.keys
      if (count.used >= most)
        throw catalogueError('QUOTA_REACHED', { user, quota: 'keys', what, used: count.used, most, asked: 1, advice })
      count.used += 1
    },
    /** What was taken isn't used. */
    give(user: string): void {
      const count = counts.get(user)
      if (count) count.used -= 1
    },
  }
}
