import nact from 'nact'

/** Requests turns of one actor. */
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
 * Turns by nact. No other module uses nact. Every actor is spawned directly below nact's system, since nact copies a
 * parent's children at each message; the kernel itself does tree, mailboxes and supervision.
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
