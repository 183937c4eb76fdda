import { type Ask, asking, type EventsMessage, type EventsParts, events } from '../../actors/index.ts'
import { type ActorSystem, actorSystem } from '../../runtime/index.ts'

/** Makes an actor of job events, in a system of its own. */
export function eventsStage({
  system = actorSystem({ onFault: () => {} }),
  ...parts
}: EventsParts & { readonly system?: ActorSystem }): AsyncDisposable & { readonly ask: Ask<EventsMessage> } {
  const ref = system.spawn('events', events(parts), { supervise: { type: 'resume' } })
  return {
    ask: asking(system, ref, { timeoutMs: 60_000 }),
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}
