import { isFailure } from '../../actors/index.ts'
import type { ActorSystem, Cancel, DeadLetter, KernelEvent } from '../../runtime/index.ts'
import type { Log } from '../log.ts'

/** Logs what goes wrong in the actors. */
export function observeActors(system: Pick<ActorSystem, 'events' | 'deadLetters'>, log: Log): Cancel {
  const cancels = [
    system.events.subscribe((event) => logEvent(log, event)),
    system.deadLetters.subscribe((letter) => logDeadLetter(log, letter)),
  ]
  return () => {
    for (const cancel of cancels) cancel()
  }
}

function logEvent(log: Log, event: KernelEvent): void {
  const { type, path } = event
  switch (type) {
    case 'restarted':
    case 'resumed':
    case 'escalated':
      return log.error({ actor: path, err: event.cause }, `an actor failed and was ${type}`)
    case 'stopped':
      if (event.cause !== undefined) log.error({ actor: path, err: event.cause }, 'an actor failed and was stopped')
      return
    case 'slow-handler':
      return log.warn({ actor: path, ms: Math.round(event.elapsedMs) }, 'an actor was slow')
  }
}

function logDeadLetter(log: Log, { path, message, reason }: DeadLetter): void {
  // Who asked didn't wait for it: nobody else tells of this fault.
  if (isFailure(message))
    log.error({ actor: path, requestId: message.context?.requestId, err: message.cause }, 'a request failed')
  else log[reason === 'mailbox-full' ? 'warn' : 'debug']({ actor: path, reason }, 'a message was not delivered')
}
