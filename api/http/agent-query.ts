import { z } from 'zod'
import { count } from './query.ts'

/** How long a recipient may wait in one request, below what a request may take. */
const mostWaitMs = 20_000
/** How many notifications one answer may have. */
const mostNotifications = 100

/** A task's key. That it's there and right is said by who knows the task. */
export const keyQuery = z.object({ key: z.string().exactOptional().meta({ description: "the task's key" }) })

export const receiveQuery = z.object({
  acknowledged: count.exactOptional().meta({ description: 'the highest number that was dealt with; absent: none' }),
  waitMs: count.exactOptional().meta({ description: `how long to wait if there is none yet; at most ${mostWaitMs}` }),
  limit: count.exactOptional().meta({ description: `0 or absent: at most ${mostNotifications}` }),
})

export function received({ acknowledged, waitMs, limit }: z.output<typeof receiveQuery>) {
  return {
    acknowledged: Number(acknowledged ?? 0),
    waitMs: Math.min(Number(waitMs ?? 0), mostWaitMs),
    limit: Math.min(Number(limit ?? 0) || mostNotifications, mostNotifications),
  }
}
