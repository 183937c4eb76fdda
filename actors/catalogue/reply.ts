import type { ActorRef } from '../../runtime/index.ts'
import { isRefusal } from '../errors.ts'

/** How a request to the catalogue ended. What it changed is durable when this is told. */
export type Reply<Value> =
  | { readonly type: 'done'; readonly value: Value }
  /** The asker's mistake: a coded error of the layer's table. Nothing was changed. */
  | { readonly type: 'refused'; readonly cause: Error }
  /** A fault. The change, if one was asked for, may or may not have been made. */
  | { readonly type: 'failed'; readonly cause: unknown }

export interface Asking<Value> {
  readonly replyTo: ActorRef<Reply<Value>>
}

/** Does what was asked and tells how it ended. Never rejects: who asked hears of every fault. */
export async function answer<Value>({ replyTo }: Asking<Value>, work: () => Promise<Value>): Promise<void> {
  try {
    replyTo.tell({ type: 'done', value: await work() })
  } catch (cause) {
    replyTo.tell(isRefusal(cause) ? { type: 'refused', cause } : { type: 'failed', cause })
  }
}
