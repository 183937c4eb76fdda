/** A `fetch` of a process that is killed: after some requests, none is sent any more. */
export interface InterruptedFetch {
  readonly fetch: typeof fetch
  /** Whether the process was killed yet. */
  readonly isOver: boolean
}

/** @param whole Requests that are answered. One more takes effect, and its answer is lost. */
export function interruptedFetch(whole: number): InterruptedFetch {
  let sent = 0
  return {
    get isOver() {
      return sent > whole
    },
    async fetch(...request) {
      sent += 1
      if (sent <= whole) return fetch(...request)
      if (sent === whole + 1) await (await fetch(...request)).arrayBuffer()
      throw new TypeError('the process was killed')
    },
  }
}
