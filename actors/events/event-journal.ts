import { decode, encode, type Store } from '../../runtime/index.ts'
import { catalogueError } from '../errors.ts'
import type { JobEvent, NumberedEvent } from './job-event.ts'

/** Events that are kept of a job; older ones go. */
export const eventsKept = 10_000

export interface EventJournal {
  /** Durable when it resolves with the event's number. */
  record(job: string, event: JobEvent): Promise<number>
  /** Those after a number that are still kept, at most `limit`, in order. */
  after(job: string, number: number, limit: number): Promise<readonly NumberedEvent[]>
  /** All of a job's; numbers begin anew. */
  remove(job: string): Promise<void>
}

interface KeptEvent {
  readonly at: string
  readonly event: JobEvent
}

/** The events of jobs in a store, a journal for each job. `now` is wall-clock time as RFC 3339. */
export function eventJournal(store: Store, now: () => string, kept = eventsKept): EventJournal {
  /** Events are dropped so many at a time. */
  const stride = Math.max(1, Math.floor(kept / 10))
  return {
    async record(job, event) {
      const key = keyOf(job)
      const number = await store.append(key, encode({ at: now(), event } satisfies KeptEvent))
      if (number > kept && number % stride === 0) await store.truncate(key, number - kept)
      return number
    },
    async after(job, number, limit) {
      const events: NumberedEvent[] = []
      if (limit < 1) return events
      for await (const entry of store.read(keyOf(job), { from: number + 1 })) {
        const value = decode(entry.bytes)
        if (!isKept(value))
          throw catalogueError('RECORD_DAMAGED', { id: `${job}/${entry.number}`, collection: 'events' })
        events.push({ number: entry.number, at: value.at, event: value.event })
        if (events.length >= limit) break
      }
      return events
    },
    remove: (job) => removeEvents(store, job),
  }
}

/** All of a job's; the numbers of the next ones begin anew. */
export function removeEvents(store: Store, job: string): Promise<void> {
  return store.remove(keyOf(job))
}

function keyOf(job: string): string {
  return `events/${job}`
}

const types: readonly unknown[] = ['state', 'task', 'round', 'metrics', 'log', 'notice'] satisfies JobEvent['type'][]

function isKept(value: unknown): value is KeptEvent {
  return (
    typeof value === 'object' &&
    value !== null &&
    'at' in value &&
    typeof value.at === 'string' &&
    'event' in value &&
    typeof value.event === 'object' &&
    value.event !== null &&
    'type' in value.event &&
    types.includes(value.event.type)
  )
}
