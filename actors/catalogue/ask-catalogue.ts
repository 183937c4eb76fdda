import type { ActorRef, ActorSystem } from '../../runtime/index.ts'
import type { CatalogueMessage } from './protocol.ts'
import type { Reply } from './reply.ts'

/** Asks the catalogue and waits for what it did. Rejects with its refusal, or with the fault. */
export type AskCatalogue = <Value>(request: (replyTo: ActorRef<Reply<Value>>) => CatalogueMessage) => Promise<Value>

export function askCatalogue(
  system: ActorSystem,
  catalogue: ActorRef<CatalogueMessage>,
  { timeoutMs }: { readonly timeoutMs: number },
): AskCatalogue {
  return async (request) => {
    const reply = await system.ask(catalogue, request, { timeoutMs })
    if (reply.type === 'done') return reply.value
    throw reply.cause
  }
}
