import type { Behavior, Store } from '../../runtime/index.ts'
import type { JobEvent, NumberedEvent } from '../model/job-event.ts'
import { collectionsOf } from '../records/collections.ts'
import type { Holdings } from '../records/holdings.ts'
import { findJob, presentJob } from '../records/job-records.ts'
import { type Asked, answerBy, type Handlers, type Request } from '../requests/requests.ts'
import { waitingReaders } from '../requests/waiting-readers.ts'
import { storedEvents } from './stored-events.ts'

export interface EventsRequests {
  /** Answered with the event's number once the event is durable. */
  'record-event': Request<{ readonly job: string; readonly event: JobEvent }, number>
  /**
   * Answered with the events after a number, at most `limit`, in order. If there are none, the answer waits for the
   * next event, for at most `waitMs`; after that time the answer is empty. JOB_NOT_FOUND if the user has no job of that
   * id.
   */
  'read-events': Request<EventsQuery, readonly NumberedEvent[]>
}
export type EventsMessage = Asked<EventsRequests>

interface EventsQuery {
  readonly user: string
  readonly job: string
  readonly after: number
  readonly limit: number
  readonly waitMs: number
}

export interface EventsParts {
  readonly store: Store
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  /** Events kept of each job. Default: 10,000. */
  readonly kept?: number
  /** Counts the bytes of each job's events and models for the job's user. */
  readonly held?: Pick<Holdings, 'jobGrew'>
  /** Answers with the bytes of the model that a round of a run has committed. Default: models aren't counted. */
  readonly modelBytes?: (run: string, round: number, part?: string) => Promise<number>
  /** Called with each event that this server has recorded, and its job. */
  readonly onRecorded?: (job: string, event: JobEvent) => void
}

/**
 * Time between two looks of a waiting reader: events that another server records on the same store wake no reader here.
 */
const lookAgainMs = 500

/** Records the events of jobs, and answers followers. Jobs don't wait for each other. */
export function events({ store, now, kept, held, modelBytes, onRecorded }: EventsParts): Behavior<EventsMessage> {
  return (context) => {
    const collections = collectionsOf(store)
    /** Growth in bytes that isn't counted yet, by job, since many events come at once. */
    const growth = new Map<string, number>()
    const counting = new Set<string>()
    const stored = storedEvents(store, now, kept, (job, bytes) => void growth.set(job, bytes + (growth.get(job) ?? 0)))
    const readers = waitingReaders(context.signal)
    const look = sharedLooks<readonly NumberedEvent[]>()
    const handlers: Handlers<EventsRequests> = {
      async 'record-event'({ job, event }) {
        const number = await context.track(stored.record(job, event))
        if (held) void context.track(counted(held, job, event).catch(() => {}))
        readers.wake(job)
        onRecorded?.(job, event)
        return number
      },
      'read-events': read,
    }
    return (message) => void answerBy(handlers, message)

    /** Counts an event, and the model of a round, among the bytes of the job's user. No event waits for the count. */
    async function counted(of: Pick<Holdings, 'jobGrew'>, job: string, event: JobEvent): Promise<void> {
      if (event.type === 'round' && modelBytes) {
        const run = (await presentJob(collections, job))?.value.run
        const bytes = run === undefined ? 0 : await modelBytes(run, event.round, event.part)
        growth.set(job, bytes + (growth.get(job) ?? 0))
      }
      // The events that come while a count is written are counted together, after that.
      if (counting.has(job)) return
      counting.add(job)
      try {
        for (let bytes = growth.get(job); bytes !== undefined; bytes = growth.get(job)) {
          growth.delete(job)
          const found = await presentJob(collections, job)
          if (found) await of.jobGrew(job, found.value.userId, bytes)
        }
      } finally {
        counting.delete(job)
      }
    }

    async function read({ user, job, after, limit, waitMs }: EventsQuery): Promise<readonly NumberedEvent[]> {
      const until = context.clock.now() + waitMs
      for (;;) {
        // Registered before the look, so that no event recorded during the look is missed.
        const woken = readers.wait(job)
        try {
          const found = await look([user, job, after, limit].join('/'), async () => {
            await context.track(findJob(collections, user, job))
            return context.track(stored.after(job, after, limit))
          })
          const now = context.clock.now()
          const leftMs = until - now
          if (found.length > 0 || leftMs <= 0 || context.signal.aborted) return found
          // All readers look at the same instants, so that one look serves them all.
          await woken.orAfter(context.clock, Math.min(leftMs, lookAgainMs - (now % lookAgainMs)))
        } finally {
          woken.cancel()
        }
      }
    }
  }
}

/**
 * Shares looks: the followers of a job wake together and look for the same events, so one look serves them all. A look
 * begins one microtask after the first request. A request after the beginning starts another look, so that no follower
 * misses an event that was recorded before its request.
 */
function sharedLooks<Found>(): (key: string, look: () => Promise<Found>) => Promise<Found> {
  const toBegin = new Map<string, Promise<Found>>()
  return (key, look) => {
    const present = toBegin.get(key)
    if (present) return present
    const begun = Promise.resolve().then(() => {
      toBegin.delete(key)
      return look()
    })
    toBegin.set(key, begun)
    return begun
  }
}
