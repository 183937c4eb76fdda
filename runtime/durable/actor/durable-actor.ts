import { CodedError } from '../../errors/coded-error.ts'
import type { ActorContext, Behavior } from '../../kernel/protocol.ts'
import { EventJournal, type EventSourced } from './event-journal.ts'
import { Outbox } from './outbox.ts'

/** What a message brings about. */
export interface Outcome<Event> {
  /** Applied to the state at once, and journalled all or none. */
  readonly events?: readonly Event[]
  /** Runs once these and all earlier events are durable: replies, tells, spawns. */
  readonly effect?: () => void
}

type Outcomes<Event> = Outcome<Event> | undefined

export interface DurableActor<Message, State, Event> extends EventSourced<State, Event> {
  /** Decides what a message brings about. It doesn't change the state, and tells nobody of it but by the effect. */
  handle(state: State, message: Message, context: ActorContext<Message>): Outcomes<Event> | Promise<Outcomes<Event>>
  /** Called at each start, with the state that was loaded: to do again what a crash may have cut off. */
  recovered?(state: State, context: ActorContext<Message>): void
}

/**
 * An actor whose state survives: it loads its snapshot, replays its journal, then receives.
 *
 * - An effect runs only after its message's events, and all earlier ones, would survive SIGKILL. So nobody hears of a state
 *   that a crash could undo. Events of messages that wait together are written together.
 * - Effects run in the order of their messages, each at most once. A crash between the write and the effect loses the effect
 *   and keeps the events: a client without an answer asks again, and `recovered` repeats what must not be lost.
 * - A message's events are kept all or none. One whose `handle` or `apply` throws keeps none; the messages before it are
 *   written and answered first, then the fault goes to the supervisor. A restart loads again and goes on.
 * - A write that fails is a fault; the effects that waited for it don't run, though the events may have been written. So is an
 *   effect that throws, once the others written with it have run. What was handled since is not kept.
 * - Of two actors that write under one key, the one that writes second is refused by the store, lets none of those effects out
 *   and stops for good, whatever its supervision, with STORE_VERSION as the cause. Until it writes it doesn't notice: who must
 *   not answer from an old state holds a lease.
 */
export function durableActor<Message, State, Event>(spec: DurableActor<Message, State, Event>): Behavior<Message> {
  return async (context) => {
    const journal = new EventJournal(spec)
    let { state } = await context.track(journal.load())
    const fail = (cause: unknown) => {
      if (cause instanceof CodedError && cause.code === 'STORE_VERSION') context.giveUp(cause)
      else context.fail(cause)
    }
    // After a fault the state may be changed in part: what is written before the restart takes no snapshot of it.
    let sound = true
    const outbox = new Outbox({
      journal,
      signal: context.signal,
      state: () => (sound ? { value: state } : undefined),
      track: (work) => context.track(work),
      fail,
    })

    const faulted = async (cause: unknown): Promise<never> => {
      sound = false
      await outbox.empty
      throw cause
    }
    const take = (outcome: Outcomes<Event>): void | Promise<void> => {
      const events = outcome?.events ?? []
      const effect = outcome?.effect
      if (events.length === 0 && outbox.isEmpty) return effect?.()
      const bytes = events.length === 0 ? undefined : journal.encode(events)
      let next = state
      for (const event of events) next = spec.apply(next, event)
      state = next
      outbox.add({ events: bytes, count: events.length, effect })
      return outbox.isFull ? outbox.empty : undefined
    }
    const receive = (message: Message): void | Promise<void> => {
      const outcome = spec.handle(state, message, context)
      return outcome instanceof Promise ? outcome.then(take).catch(faulted) : take(outcome)
    }

    spec.recovered?.(state, context)
    return (message) => {
      try {
        return receive(message)
      } catch (cause) {
        return faulted(cause)
      }
    }
  }
}
