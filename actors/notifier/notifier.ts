import type { Behavior, Store } from '../../runtime/index.ts'
import { catalogueError } from '../model/errors.ts'
import type { Notification, NumberedNotification } from '../model/notification.ts'
import { collectionsOf } from '../records/collections.ts'
import { type Asked, answerBy, type Handlers, type Request } from '../requests/requests.ts'
import { turnsByKey } from '../requests/turns.ts'
import { waitingReaders } from '../requests/waiting-readers.ts'
import { acknowledgeUpTo, addNotification, keyOf, type Recipient } from './recipients.ts'

export interface NotifierRequests {
  /**
   * Answered once the notification is durable: it's kept until its recipient has acknowledged it, however late the recipient
   * connects. A notification that comes again on the same occasion (a start of the job, for example) is told once, even if the
   * first is acknowledged already.
   */
  notify: Request<
    { readonly recipient: Recipient; readonly notification: Notification; readonly occasion?: string },
    null
  >
  /**
   * Answered with the oldest notifications that aren't acknowledged, at most `limit`; if there are none, the answer waits for
   * the next, at most `waitMs`, and then is empty. `acknowledged` is the highest number that the recipient has dealt with:
   * notifications up to that number are dropped. ACKNOWLEDGED_UNKNOWN if there was none of that number. RECIPIENT_TAKEN once
   * enough newer readers wait for the same recipient.
   */
  receive: Request<Receiving, NumberedNotification[]>
}

export type NotifierMessage =
  | Asked<NotifierRequests>
  /** The server is to close: every waiting reader is answered with none, and no reader waits any more. */
  | { readonly type: 'release' }

interface Receiving {
  readonly recipient: Recipient
  readonly acknowledged: number
  readonly limit: number
  readonly waitMs: number
}

/** Another server on the same store tells nobody here of what it notifies: who waits looks again so often. */
const lookAgainMs = 500
/** How many may wait for the same recipient: itself, and those of its connections that it doesn't know to be lost. */
const mostWaiting = 4

/**
 * Keeps what flamelets and computes are to be told until they have acknowledged it. The documents in the store are the state:
 * in memory is only who waits. Recipients don't wait for each other.
 */
export function notifier({ store }: { readonly store: Store }): Behavior<NotifierMessage> {
  return (context) => {
    const collections = collectionsOf(store)
    const inTurn = turnsByKey()
    const readers = waitingReaders(context.signal)
    const waiters = waitersByKey(mostWaiting)
    let released = false
    const handlers: Handlers<NotifierRequests> = {
      async notify({ recipient, notification, occasion }) {
        const key = keyOf(recipient)
        await context.track(inTurn(key, () => addNotification(collections, key, notification, occasion)))
        readers.wake(key)
        return null
      },
      receive,
    }

    return (message) => {
      if (message.type !== 'release') return void answerBy(handlers, message)
      released = true
      readers.wakeAll()
    }

    async function receive({ recipient, acknowledged, limit, waitMs }: Receiving): Promise<NumberedNotification[]> {
      const key = keyOf(recipient)
      const until = context.clock.now() + waitMs
      const waiter = waitMs > 0 ? waiters.enter(key) : undefined
      try {
        for (;;) {
          // Before the look, so that nothing notified during it is missed.
          const woken = readers.wait(key)
          try {
            const left = await context.track(inTurn(key, () => acknowledgeUpTo(collections, key, acknowledged)))
            const leftMs = until - context.clock.now()
            if (left.length > 0 || leftMs <= 0 || released || context.signal.aborted) return left.slice(0, limit)
            if (waiter?.isReplaced) throw catalogueError('RECIPIENT_TAKEN', { most: mostWaiting })
            waiter?.onReplaced(woken.wake)
            await woken.orAfter(context.clock, Math.min(leftMs, lookAgainMs))
          } finally {
            woken.cancel()
          }
        }
      } finally {
        waiter?.leave()
      }
    }
  }
}

/** Readers that wait under the same key. One that comes when `most` wait already replaces the first. */
function waitersByKey(most: number) {
  const byKey = new Map<string, Set<() => void>>()
  return {
    enter(key: string) {
      const present = byKey.get(key) ?? new Set()
      byKey.set(key, present)
      let [isReplaced, wake] = [false, () => {}]
      const replace = () => {
        isReplaced = true
        present.delete(replace)
        wake()
      }
      present.add(replace)
      const [first] = present
      if (present.size > most) first?.()
      return {
        get isReplaced() {
          return isReplaced
        },
        onReplaced(then: () => void): void {
          wake = then
        },
        leave(): void {
          present.delete(replace)
          if (present.size === 0 && byKey.get(key) === present) byKey.delete(key)
        },
      }
    },
  }
}
