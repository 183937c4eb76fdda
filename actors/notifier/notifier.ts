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
   * Answered once the notification is durable. The notification is kept until its recipient has acknowledged it. A
   * notification that is repeated on the same occasion (a start of the job, for example) is told once, even if the
   * recipient has acknowledged the first already.
   */
  notify: Request<
    { readonly recipient: Recipient; readonly notification: Notification; readonly occasion?: string },
    null
  >
  /**
   * Answered with the oldest notifications that aren't acknowledged, at most `limit`. If there are none, the answer
   * waits for the next notification, for at most `waitMs`; after that time the answer is empty. `acknowledged` is the
   * highest number that the recipient has handled: notifications up to that number are removed. ACKNOWLEDGED_UNKNOWN if
   * no notification had that number. RECIPIENT_TAKEN once enough newer readers wait for the same recipient.
   */
  receive: Request<Receiving, NumberedNotification[]>
}

export type NotifierMessage =
  | Asked<NotifierRequests>
  /** The server is closing: each waiting reader gets an empty answer, and no reader waits any more. */
  | { readonly type: 'release' }

interface Receiving {
  readonly recipient: Recipient
  readonly acknowledged: number
  readonly limit: number
  readonly waitMs: number
}

/**
 * Time between two looks of a waiting reader: notifications through another server on the same store wake no reader
 * here.
 */
const lookAgainMs = 500
/**
 * Most readers that wait for one recipient: the recipient itself, and connections that the server doesn't know to be
 * lost.
 */
const mostWaiting = 4

/**
 * Keeps notifications of flamelets and computes until they are acknowledged. The documents in the store are the state;
 * memory has the waiting readers alone. Recipients don't wait for each other.
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
          // Registered before the look, so that no notification during the look is missed.
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

/** Readers that wait under the same key. If `most` readers wait already, a new one replaces the first. */
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
