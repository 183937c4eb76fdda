import type { NumberedEvent } from '../../actors/index.ts'
import type { Connection } from '../connection/connection.ts'

/** A job's events from its first on: without `follow` those so far, else until the job has ended. */
export async function* followedEvents(
  { client, user }: Connection,
  jobId: string,
  { follow, signal }: { readonly follow: boolean; readonly signal?: AbortSignal },
): AsyncGenerator<NumberedEvent, void, void> {
  const options = signal ? { signal } : {}
  if (follow) yield* client.jobEvents({ user, jobId }, options)
  else yield* await client.getJobEvents({ user, jobId, query: { follow: false } }, options)
}
