import {
  asking,
  type Notification,
  type NotifierMessage,
  type NumberedNotification,
  notifier,
  type Recipient,
} from '../../actors/index.ts'
import { actorSystem, type Store } from '../../runtime/index.ts'

export interface NotifierStage extends AsyncDisposable {
  notify(recipient: Recipient, notification: Notification, occasion?: string): Promise<null>
  receive(
    recipient: Recipient,
    acknowledged?: number,
    options?: { readonly limit?: number; readonly waitMs?: number },
  ): Promise<readonly NumberedNotification[]>
  release(): void
}

/** Makes a notifier, in a system of its own. */
export function notifierStage(store: Store): NotifierStage {
  const system = actorSystem({ onFault: () => {} })
  const ref = system.spawn<NotifierMessage>('notifier', notifier({ store }), { supervise: { type: 'resume' } })
  const ask = asking(system, ref, { timeoutMs: 60_000 })
  return {
    notify: (recipient, notification, occasion) =>
      ask((replyTo) => ({
        type: 'notify',
        recipient,
        notification,
        ...(occasion === undefined ? {} : { occasion }),
        replyTo,
      })),
    receive: (recipient, acknowledged = 0, { limit = 100, waitMs = 0 } = {}) =>
      ask((replyTo) => ({ type: 'receive', recipient, acknowledged, limit, waitMs, replyTo })),
    release: () => ref.tell({ type: 'release' }),
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}
