import type { ModelRegistry, ModelToCommit } from '../../sdk/index.ts'
import { fetchSend, type Send } from '../../sdk/registry/http/answer.ts'

/** The requests of a process that is killed: after some requests, none is sent any more. */
export interface InterruptedFetch {
  readonly send: Send
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
    send: fetchSend(async (...request) => {
      sent += 1
      if (sent <= whole) return fetch(...request)
      if (sent === whole + 1) await (await fetch(...request)).arrayBuffer()
      throw new TypeError('the process was killed')
    }),
  }
}

/**
 * Commits `before` to a registry, and then `model` by a process that is killed at one of the commit's requests: once for
 * each request that may be the last one. Yields what the next process opens.
 */
export async function* interruptedCommits(
  [before, model]: readonly [ModelToCommit, ModelToCommit],
  newPrefix: () => string,
  open: (opening: { readonly prefix: string; readonly send?: Send }) => ModelRegistry,
): AsyncGenerator<ModelRegistry> {
  for (let whole = 0, isOver = true; isOver; whole++) {
    const prefix = newPrefix()
    await open({ prefix }).commit(before)
    const killed = interruptedFetch(whole)
    await open({ prefix, send: killed.send })
      .commit(model)
      .catch(() => {})
    isOver = killed.isOver
    yield open({ prefix })
  }
}
