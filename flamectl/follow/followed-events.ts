import type { NumberedEvent } from '../../actors/index.ts'
import type { Connection } from '../connection/connection.ts'

interface Following {
  readonly follow: boolean
  readonly signal?: AbortSignal
  /** Hears what a person is to know of the server's being away. */
  readonly tell?: (text: string) => void
}

/** A job's events from its first on: without `follow` those so far, else until the job has ended. */
export async function* followedEvents(
  { client, user }: Connection,
  jobId: string,
  { follow, signal, tell = () => {} }: Following,
): AsyncGenerator<NumberedEvent, void, void> {
  const options = signal ? { signal } : {}
  if (!follow) return yield* await client.getJobEvents({ user, jobId, query: { follow: false } }, options)
  yield* client.jobEvents(
    { user, jobId },
    {
      ...options,
      onAway: () => tell(`the server at ${client.endpoint} is away; it is tried again for a minute`),
      onBack: () => tell('the server is back'),
    },
  )
}
