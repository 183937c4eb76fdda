import { dispatch, spawn, start, stop } from '#nact'

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
 * parent's children at each message; the kernel itself does tree, mailboxes and supervision. `#nact` is nact, or, in a
 * page, a bundle of nact that needs no module of Node.
 */
export function nactDispatcher(): Dispatcher {
  const system = start()
  let lanes = 0
  return {
    lane(turn) {
      lanes += 1
      const actor = spawn(system, () => turn(), String(lanes))
      return { request: () => dispatch(actor, null), close: () => stop(actor) }
    },
    close: () => stop(system),
  }
}
