import type { ActorRef, ActorSystem } from '../../runtime/index.ts'
import type { CatalogueMessage } from '../protocol.ts'
import type { Reply, RequestContext } from './reply.ts'

/** Asks an actor of the control plane and waits for what it did. Rejects with its refusal, or with the fault. */
export type Ask<Message> = <Value>(request: (replyTo: ActorRef<Reply<Value>>) => Message) => Promise<Value>

export type AskCatalogue = Ask<CatalogueMessage>

/** Asks with what came with a request from outside, which the message carries from actor to actor. */
export function inContext<Message>(ask: Ask<Message>, context: RequestContext): Ask<Message> {
  return (request) => ask((replyTo) => ({ ...request(replyTo), context }))
}

export function asking<Message>(
  system: Pick<ActorSystem, 'ask'>,
  actor: ActorRef<Message>,
  { timeoutMs }: { readonly timeoutMs: number },
): Ask<Message> {
  return async (request) => {
    const reply = await system.ask(actor, request, { timeoutMs })
    if (reply.type === 'done') return reply.value
    throw reply.cause
  }
}
