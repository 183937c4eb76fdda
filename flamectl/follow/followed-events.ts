import { endedNames } from '../../actors/catalogue/model/index.ts'
import type { NumberedEvent } from '../../actors/index.ts'
import type { Connection } from '../connection/connection.ts'

/** So long nothing comes: what has happened so far has been sent. */
const quietMs = 500

/**
 * A job's events from its first on. Without `follow` those so far; else until the job has ended, which one that was started
 * again hasn't.
 */
export async function* followedEvents(
  { client, user }: Connection,
  jobId: string,
  { follow, signal }: { readonly follow: boolean; readonly signal?: AbortSignal },
): AsyncGenerator<NumberedEvent, void, void> {
  const stop = new AbortController()
  const events = client.jobEvents(
    { user, jobId },
    { signal: AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]) },
  )
  let hasEnded = false
  let next = events.next()
  try {
    for (;;) {
      const came = follow && !hasEnded ? await next : await within(quietMs, next)
      if (came?.done) return
      if (came) {
        const { event } = came.value
        if (event.type === 'state') hasEnded = endedNames.includes(event.state)
        next = events.next()
        yield came.value
      } else if (!follow || endedNames.includes((await client.getJobStatus({ user, jobId })).state)) return
    }
  } finally {
    // What still waits for an event would wait on.
    next.catch(() => {})
    stop.abort()
  }
}

async function within<Value>(ms: number, promise: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined
  const time = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([promise, time])
  } finally {
    clearTimeout(timer)
  }
}
