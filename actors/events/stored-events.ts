import { decode, encode, isObject, isString, type Store } from '../../runtime/index.ts'
import { catalogueError } from '../model/errors.ts'
import type { JobEvent, NumberedEvent } from '../model/job-event.ts'

/** Events that are kept of a job; older events are removed. */
export const eventsKept = 10_000

interface KeptEvent {
  readonly at: string
  readonly event: JobEvent
}

/**
 * Stores the events of jobs, in a journal for each job. `now` is wall-clock time as RFC 3339. `onGrowth` is called with
 * the bytes by which the events of a job have grown; negative when events are removed.
 */
export function storedEvents(
  store: Store,
  now: () => string,
  kept = eventsKept,
  onGrowth: (job: string, bytes: number) => void = () => {},
) {
  /** Number of events that are removed at a time. */
  const stride = Math.max(1, Math.floor(kept / 10))
  async function bytesUpTo(key: string, last: number): Promise<number> {
    let sum = 0
    for await (const { number, bytes } of store.read(key)) {
      if (number > last) break
      sum += bytes.length
    }
    return sum
  }

  return {
    /** Appends an event, and resolves with its number once the event is durable. */
    async record(job: string, event: JobEvent): Promise<number> {
      const key = keyOf(job)
      const bytes = encode({ at: now(), event: soundEvent(event) } satisfies KeptEvent)
      const number = await store.append(key, bytes)
      onGrowth(job, bytes.length)
      if (number > kept && number % stride === 0) {
        onGrowth(job, -(await bytesUpTo(key, number - kept)))
        await store.truncate(key, number - kept)
      }
      return number
    },
    /** The kept events after a number, at most `limit`, in order. RECORD_DAMAGED. */
    async after(job: string, number: number, limit: number): Promise<readonly NumberedEvent[]> {
      const events: NumberedEvent[] = []
      if (limit < 1) return events
      for await (const entry of store.read(keyOf(job), { from: number + 1 })) {
        const value = decode(entry.bytes)
        if (!isKept(value))
          throw catalogueError('RECORD_DAMAGED', { id: `${job}/${entry.number}`, collection: 'events' })
        events.push({ number: entry.number, at: value.at, event: soundEvent(value.event) })
        if (events.length >= limit) break
      }
      return events
    },
  }
}

/** Removes a job's events; the numbers of the next events begin at 1 again. */
export function removeEvents(store: Store, job: string): Promise<void> {
  return store.remove(keyOf(job))
}

function keyOf(job: string): string {
  return `events/${job}`
}

/**
 * Makes an event that JSON can represent: metrics that aren't finite are left out, and such fields of a log become
 * text. Makers of events avoid these values; servers of earlier versions may have stored them.
 */
function soundEvent(event: JobEvent): JobEvent {
  switch (event.type) {
    case 'round':
    case 'metrics':
      if (Object.values(event.metrics).every(Number.isFinite)) return event
      return { ...event, metrics: withEntries(event.metrics, (value) => (Number.isFinite(value) ? value : undefined)) }
    case 'log':
      if (!Object.values(event.fields ?? {}).some(isNotFinite)) return event
      return {
        ...event,
        fields: withEntries(event.fields ?? {}, (value) => (isNotFinite(value) ? String(value) : value)),
      }
    default:
      return event
  }
}

function isNotFinite(value: unknown): boolean {
  return typeof value === 'number' && !Number.isFinite(value)
}

function withEntries<Value>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value) => Value | undefined,
): Record<string, Value> {
  const changed: Record<string, Value> = {}
  for (const [name, value] of Object.entries(record)) {
    const kept = change(value)
    if (kept !== undefined) changed[name] = kept
  }
  return changed
}

/** Whether a value is a stored event. Accepts unknown types of events, which newer servers write: readers skip them. */
function isKept(value: unknown): value is KeptEvent {
  return (
    isObject(value) &&
    'at' in value &&
    isString(value.at) &&
    'event' in value &&
    isObject(value.event) &&
    'type' in value.event &&
    typeof value.event.type === 'string'
  )
}
