import { setImmediate } from 'node:timers/promises'

/** The same pieces of work for each actor system. Each answers with its rate per second, unless it says otherwise. */
export interface Contender {
  /** Messages to one actor, all told from outside before it takes the first. */
  tell(messages: number): Promise<number>
  /** Messages to an actor with `children` children. */
  tellWideParent(messages: number, children: number): Promise<number>
  /** Round trips of a request and its reply, one after another. */
  ask(roundTrips: number): Promise<number>
  /** Round trips of a message between two actors. */
  pingPong(roundTrips: number): Promise<number>
  /** Actors, from the first spawn until each can take a message. */
  spawn(actors: number): Promise<number>
  /** Messages of one actor, one to each of `actors` actors. */
  fanOut(actors: number): Promise<number>
  /** Bytes of heap (not a rate) of an actor that has handled one message, and waits. */
  bytesPerActor(actors: number): Promise<number>
}

export interface Gate {
  readonly opened: Promise<void>
  pass(): void
}

/** Makes a gate that opens once `pass` was called `times` times. */
export function gate(times: number): Gate {
  let left = times
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    opened,
    pass() {
      left -= 1
      if (left === 0) open()
    },
  }
}

/** Rate per second since `began`, which is a time of `performance.now()`. */
export function rate(count: number, began: number): number {
  return (count * 1000) / (performance.now() - began)
}

/**
 * Bytes in use after a garbage collection. Waits one turn first, so that pending tasks of the event loop let go of
 * objects.
 */
export async function heapBytes(): Promise<number> {
  if (!globalThis.gc) throw new Error('run node with --expose-gc, as npm run bench does')
  await setImmediate()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}
