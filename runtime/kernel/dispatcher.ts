import nact from 'nact'

/** Asks for a turn of the actor that it was made for. */
export interface Lane {
  request(): void
  close(): void
}

export interface Dispatcher {
  /** Spawns an nact actor whose every message is a turn. `turn` must not throw or reject. */
  lane(turn: () => Promise<void>): Lane
  close(): void
}

/**
 * Turns by nact: the only place that knows it. Every actor is spawned flat below nact's system, since nact copies a
 * parent's children at each message; tree, mailboxes and supervision are the kernel's.
 */
export function nactDispatcher(): Dispatcher {
  const system = nact.start()
  let lanes = 0
  return {
    lane(turn) {
      lanes += 1
      const actor = nact.spawn(system, () => turn(), String(lanes))
      return { request: () => nact.dispatch(actor, null), close: () => nact.stop(actor) }
    },
    close: () => nact.stop(system),
  }
}
