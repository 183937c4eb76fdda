import type { Behavior, Store } from '../../runtime/index.ts'
import { catalogueError } from '../model/errors.ts'
import type { Notification, NumberedNotification } from '../model/notification.ts'
import { collectionsOf } from '../records/collections.ts'
import { oneAtATime } from '../requests/one-at-a-time.ts'
import { type Asking, answer } from '../requests/requests.ts'
import { waitingReaders } from '../requests/waiting-readers.ts'
import { acknowledgeUpTo, addNotification, keyOf } from './recipients.ts'

/** Who is notified: the agent of one task, or the deployer of a compute. */
export type Recipient =
  | { readonly type: 'task'; readonly job: string; readonly task: string }
  | { readonly type: 'compute'; readonly compute: string }

export type NotifierMessage =
  /**
   * Answered once it's durable: it's kept until its recipient has acknowledged it, however late that connects. What is
   * notified again on the same occasion (a start of the job, say) is told once, though the first be acknowledged already.
   */
  | ({
      readonly type: 'notify'
      readonly recipient: Recipient
      readonly notification: Notification
      readonly occasion?: string
    } & Asking<null>)
  /**
   * The oldest not yet acknowledged, at most `limit`; if there are none, it waits for the next, at most `waitMs`, and then
   * answers with none. `acknowledged` is the highest number that the recipient has dealt with: those up to it are dropped.
   * ACKNOWLEDGED_UNKNOWN if there was none of that number. RECIPIENT_TAKEN once enough newer ones wait for the same recipient.
   */
  | ({
      readonly type: 'receive'
      readonly recipient: Recipient
      readonly acknowledged: number
      readonly limit: number
      readonly waitMs: number
    } & Asking<NumberedNotification[]>)
  /** The server is to close: whoever waits is answered with none, and nobody waits any more. */
  | { readonly type: 'release' }

/** Another server on the same store tells nobody here of what it notifies: who waits looks again so often. */
const lookAgainMs = 500
/** How many may wait for the same recipient: itself, and those of its connections that it doesn't know to be lost. */
const mostWaiting = 4

/**
 * Keeps what agents and computes are to be told until they have acknowledged it. The documents in the store are the state:
 * in memory is only who waits. Recipients don't wait for each other.
 */
export function notifier({ store }: { readonly store: Store }): Behavior<NotifierMessage> {
  return (context) => {
    const collections = collectionsOf(store)
    const inTurn = oneAtATime()
    const readers = waitingReaders(context.signal)
    const places = placesByKey(mostWaiting)
    let released = false

    return (message) => {
      switch (message.type) {
        case 'notify':
          return void answer(message, async () => {
            const { recipient, notification, occasion } = message
            const key = keyOf(recipient)
            await context.track(inTurn(key, () => addNotification(collections, key, notification, occasion)))
            readers.wake(key)
            return null
          })
        case 'receive':
          return void answer(message, () => receive(message))
        case 'release':
          released = true
          return readers.wakeAll()
      }
    }

    async function receive({
      recipient,
      acknowledged,
      limit,
      waitMs,
    }: Extract<NotifierMessage, { type: 'receive' }>): Promise<NumberedNotification[]> {
      const key = keyOf(recipient)
      const until = context.clock.now() + waitMs
      const place = waitMs > 0 ? places.enter(key) : undefined
      try {
        for (;;) {
          // Before the look, so that nothing notified during it is missed.
          const woken = readers.wait(key)
          try {
            const left = await context.track(inTurn(key, () => acknowledgeUpTo(collections, key, acknowledged)))
            const leftMs = until - context.clock.now()
            if (left.length > 0 || leftMs <= 0 || released || context.signal.aborted) return left.slice(0, limit)
            if (place?.isTaken) throw catalogueError('RECIPIENT_TAKEN', { most: mostWaiting })
            place?.onTaken(woken.wake)
            await woken.orAfter(context.clock, Math.min(leftMs, lookAgainMs))
          } finally {
            woken.cancel()
          }
        }
      } finally {
        place?.leave()
      }
    }
  }
}

/** Places of those who wait for the same. One who comes when all are taken takes that of the first. */
function placesByKey(most: number) {
  const byKey = new Map<string, Set<() => void>>()
  return {
    enter(key: string) {
      const present = byKey.get(key) ?? new Set()
      byKey.set(key, present)
      let [isTaken, wake] = [false, () => {}]
      const take = () => {
        isTaken = true
        present.delete(take)
        wake()
      }
      present.add(take)
      const [first] = present
      if (present.size > most) first?.()
      return {
        get isTaken() {
          return isTaken
        },
        onTaken(then: () => void): void {
          wake = then
        },
        leave(): void {
          present.delete(take)
          if (present.size === 0 && byKey.get(key) === present) byKey.delete(key)
        },
      }
    },
  }
}
