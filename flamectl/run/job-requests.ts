import { CodedError } from '../../runtime/errors/index.ts'
import type { Connection } from '../connection/connection.ts'

/** The number of the last event that a job has had; 0 if there is none. */
export async function lastEventOf({ client, user }: Connection, jobId: string): Promise<number> {
  let last = 0
  for await (const { number } of await client.getJobEvents({ user, jobId, query: { follow: false } })) last = number
  return last
}

/** Resolves once nothing of a job runs any more. */
export async function untilAtRest({ client, user }: Connection, jobId: string, after: number): Promise<void> {
  const events = client.jobEvents({ user, jobId, after })
  while (!(await events.next()).done);
}

/** Asks for a job's stop when the signal is aborted. Never resolves; rejects if that can't be asked for. */
export function stopOn(signal: AbortSignal, { client, user }: Connection, jobId: string): Promise<never> {
  return new Promise((_, reject) => {
    const ask = async () => {
      try {
        await client.updateJobStatus({ user, jobId, body: { state: 'stopping' } })
      } catch (cause) {
        // It has ended meanwhile.
        if (!(cause instanceof CodedError && cause.code === 'JOB_STATE')) reject(cause)
      }
    }
    if (signal.aborted) void ask()
    else signal.addEventListener('abort', () => void ask(), { once: true })
  })
}
