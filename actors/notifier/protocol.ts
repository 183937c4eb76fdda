import type { Notification, NumberedNotification } from '../model/notification.ts'
import type { Asking } from '../requests/reply.ts'

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
