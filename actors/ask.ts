import type { ActorRef, ActorSystem } from '../runtime/index.ts'
import type { Reply } from './catalogue/reply.ts'

/** Asks an actor and waits for what it did. Rejects with its refusal, or with the fault. */
export type Ask<Message> = <Value>(request: (replyTo: ActorRef<Reply<Value>>) => Message) => Promise<Value>

export function asking<Message>(
  system: ActorSystem,
  ref: ActorRef<Message>,
  { timeoutMs }: { readonly timeoutMs: number },
): Ask<Message> {
  return async (request) => {
    const reply = await system.ask(ref, request, { timeoutMs })
    if (reply.type === 'done') return reply.value
    throw reply.cause
  }
}
