import type { NumberedEvent } from '../../actors/index.ts'
import { endedNames, type JobStatus } from '../../actors/model/index.ts'
import { allPages, statusOf } from '../../api/client/index.ts'
import type { Connection } from '../command-context.ts'
import { type JobRow, rowAfter } from './watch-view.ts'

export interface WatchedJobs {
  /** The rows, in the order of the server's list. */
  rows(): readonly JobRow[]
  /** Lists the jobs again, and follows those under way. Rejects with the first fault of following. */
  look(): Promise<void>
  /** The number of jobs that are followed. */
  followed(): number
  /** Resolves when no job is followed any more. */
  ended(): Promise<void>
}

/**
 * Keeps the rows of a user's jobs, or of one job, up to date. `changed` is called with each row that changes, `tell` with a
 * message when the server is away or back.
 */
export function watchedJobs(
  connection: Connection,
  jobId: string | undefined,
  signal: AbortSignal,
  changed: (row: JobRow, event?: NumberedEvent) => void,
  tell?: (text: string) => void,
): WatchedJobs {
  const { client, user } = connection
  const rows = new Map<string, JobRow>()
  const following = new Map<string, Promise<void>>()
  const faults: unknown[] = []

  return {
    rows: () => [...rows.values()],
    async look() {
      const found = await statuses()
      const present = new Set(found.map(({ id }) => id))
      for (const id of rows.keys()) if (!present.has(id)) rows.delete(id)
      for (const status of found) {
        const { id, state } = status
        if (following.has(id)) continue
        if (!endedNames.includes(state) || id === jobId) following.set(id, followed(status))
        else if (rows.get(id)?.state !== state) put({ ...rows.get(id), id, state })
      }
      if (faults.length > 0) throw faults[0]
    },
    followed: () => following.size,
    async ended() {
      await Promise.all(following.values())
      if (faults.length > 0) throw faults[0]
    },
  }

  async function statuses(): Promise<JobStatus[]> {
    if (jobId !== undefined) return [await client.getJobStatus({ user, jobId })]
    const all: JobStatus[] = []
    for await (const status of allPages((after) => client.getJobs({ user, query: { ...after } }))) all.push(status)
    return all
  }

  async function followed({ id, state }: JobStatus): Promise<void> {
    try {
      const { modelSpec } = await client.getJob({ user, jobId: id })
      const rounds = modelSpec?.hyperparameters?.rounds
      put({ id, state, ...(typeof rounds === 'number' ? { rounds } : {}) })
      for await (const event of followedEvents(connection, id, { follow: true, signal, ...(tell ? { tell } : {}) })) {
        const row = rows.get(id)
        if (row) put(rowAfter(row, event), event)
      }
    } catch (cause) {
      // A job may be removed while all jobs are watched.
      if (!(statusOf(cause) === 404 && jobId === undefined) && !signal.aborted) faults.push(cause)
    } finally {
      following.delete(id)
    }
  }

  function put(row: JobRow, event?: NumberedEvent): void {
    rows.set(row.id, row)
    changed(row, event)
  }
}

interface Following {
  readonly follow: boolean
  readonly signal?: AbortSignal
  /** Called with a message when the server is away or back. */
  readonly tell?: (text: string) => void
}

/** The events of a job from the first on: without `follow` those so far, with `follow` until the job has ended. */
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
