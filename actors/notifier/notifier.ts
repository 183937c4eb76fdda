import type { Behavior, Store } from '../../runtime/index.ts'
import type { NumberedNotification } from '../catalogue/model/notification.ts'
import { collectionsOf } from '../catalogue/records/collections.ts'
import { answer } from '../catalogue/reply.ts'
import { oneAtATime } from '../one-at-a-time.ts'
import { waitingReaders } from '../waiting-readers.ts'
import type { NotifierMessage } from './protocol.ts'
import { acknowledgeUpTo, addNotification, keyOf } from './recipients.ts'

/** Another server on the same store tells nobody here of what it notifies: who waits looks again so often. */
const lookAgainMs = 500

/**
 * Keeps what agents and computes are to be told until they have acknowledged it. The documents in the store are the state:
 * in memory is only who waits. Recipients don't wait for each other.
 */
export function notifier({ store }: { readonly store: Store }): Behavior<NotifierMessage> {
  return (context) => {
    const collections = collectionsOf(store)
    const inTurn = oneAtATime()
    const readers = waitingReaders(context.signal)
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
      for (;;) {
        // Before the look, so that nothing notified during it is missed.
        const woken = readers.wait(key)
        try {
          const left = await context.track(inTurn(key, () => acknowledgeUpTo(collections, key, acknowledged)))
          const leftMs = until - context.clock.now()
          if (left.length > 0 || leftMs <= 0 || released || context.signal.aborted) return left.slice(0, limit)
          await woken.orAfter(context.clock, Math.min(leftMs, lookAgainMs))
        } finally {
          woken.cancel()
        }
      }
    }
  }
}
