import { type ActorRef, type Behavior, CodedError, isStoreTrouble, type Terminated } from '../../runtime/index.ts'
import type { DeployableJob, Deployer } from '../deployers/deployer.ts'
import { controllerError, isInterruption } from '../deployers/errors.ts'
import type { EventsMessage } from '../events/events.ts'
import { isRefusal } from '../model/errors.ts'
import type { AskedState } from '../model/job-states.ts'
import { collectionsOf } from '../records/collections.ts'
import type { ModelUploads } from '../records/parts.ts'
import { type Asked, answerBy, asking, type Handlers, type Reply, type Request } from '../requests/requests.ts'
import { type JobMessage, job } from './actor/job.ts'
import { jobSlots } from './actor/job-slots.ts'
import { type FlameletReport, reportTask } from './actor/task-reports.ts'
import { movableJob, startedJob } from './asked-changes.ts'
import { type LeaseNews, type LeaseParts, leaseWatch } from './leases/lease-watch.ts'
import { endLease, type HeldLease, leaseJob, nextFence, touchLease } from './leases/leases.ts'

export interface JobRequests {
  /** JOB_NOT_FOUND, JOB_STATE, FIELD_DIFFERS, MATCH_FAILED. */
  'ask-job-state': Request<AskedChange, null>
  /** Comes from the flamelet that runs a task. */
  'report-task': Request<FlameletReport, null>
  /** The server is closing: stops all jobs here. Jobs under way go on on another server, or at the next start. */
  'hand-over': Request<unknown, null>
}
export type ControllerMessage = Asked<JobRequests>

/** A person's request to bring a job into a state. */
export interface AskedChange {
  readonly user: string
  readonly job: string
  readonly state: AskedState
  /** The job's id in the body: FIELD_DIFFERS if it differs from `job`. */
  readonly id?: string | undefined
}

export interface ControllerParts extends LeaseParts {
  /** A new id at each call. */
  readonly newId: () => string
  /** Chooses the deployer of a job. */
  readonly deployerOf: (job: DeployableJob) => Deployer
  readonly events: ActorRef<EventsMessage>
  /**
   * Remove the roles' snapshots and journals at each end of a job, so that a next start begins anew. Default: false.
   */
  readonly forgetsEnded?: boolean
  /** As for a job's actor. */
  readonly uploads?: ModelUploads
  /** Called when a disk or database fails that a job needs. The controller tries the job again by itself. */
  readonly onInterrupted?: (job: string, cause: CodedError) => void
}

type Message =
  | ControllerMessage
  | LeaseNews
  | { readonly type: 'job-stopped'; readonly lease: HeldLease; readonly terminated: Terminated }
  | { readonly type: 'host'; readonly lease: HeldLease }
  | { readonly type: 'go-on'; readonly lease: HeldLease }

/** A job that is under way here. */
interface Hosted {
  readonly fence: number
  /** Undefined while the job waits to be tried again. */
  readonly ref: ActorRef<JobMessage> | undefined
  /** How often the job's actor has failed in a row. */
  readonly faults: number
  /** Code of the last interruption, and how often in a row it came. */
  readonly interruption?: { readonly code: string; readonly times: number } | undefined
  readonly sinceMs: number
}

/** A job fails when its actor has failed this many times in a row. */
const mostFaults = 5
/** A fault after this time doesn't count as one in a row. */
const steadyMs = 60_000
const firstBackOffMs = 100
const mostBackOffMs = 30_000
/** First waiting time of an interrupted job, and time between probes of the store. */
const firstWaitMs = 1000
/** Longest time for the lease watch to tell other servers that this server leaves. */
const leaveTimeoutMs = 60_000
/** Longest time for recording the notice of an interruption. */
const noticeTimeoutMs = 60_000

const leaseSupervision = {
  type: 'restart',
  max: Number.POSITIVE_INFINITY,
  withinMs: steadyMs,
  backOff: { firstMs: firstBackOffMs, limitMs: 2000 },
} as const

/**
 * Keeps an actor for each job that is under way on this server, from a person's start to the job's end. After a restart
 * of the server it goes on with the jobs that were under way. Of several servers on one store, one runs each job.
 */
export function controller(parts: ControllerParts): Behavior<Message> {
  const { store, now, server, shared = false, deployerOf, events, onInterrupted, forgetsEnded = false, uploads } = parts

  return (context) => {
    const collections = collectionsOf(store)
    const hosted = new Map<string, Hosted>()
    /** Jobs whose lease is being written by this server. */
    const leasing = new Set<string>()
    /** Leases of this server without an actor here at the last look: fences by job. */
    let unhosted = new Map<string, number>()
    const touches = new Map<string, number>()
    let hasLeft = false
    const slots = jobSlots()
    const jobParts = { store, collections, now, slots, deployerOf, events, forgetsEnded, ...(uploads && { uploads }) }
    const leases = context.spawn('leases', leaseWatch(parts, context.self), { supervise: leaseSupervision })
    const handlers: Handlers<JobRequests> = {
      'ask-job-state': (message) => context.track(askState(message)),
      'report-task': (message) => context.track(report(message)),
      'hand-over': handOver,
    }

    return (message) => {
      switch (message.type) {
        case 'is-here':
          return message.replyTo.tell(hosted.has(message.job) || leasing.has(message.job))
        case 'taken-over':
          return host({ job: message.job, fence: message.fence, takenOver: shared })
        case 'leases-seen':
          return seen(message.last)
        case 'job-stopped':
          return stopped(message.lease, message.terminated)
        case 'host':
          if (isWaiting(message.lease)) host(message.lease)
          return
        case 'go-on':
          // Not awaited: a probe of a database that doesn't answer takes a while to fail.
          return void goOn(message.lease)
        default:
          // Not awaited: jobs don't wait for each other, and the store decides between two requests for the same job.
          return void answerBy(handlers, message)
      }
    }

    async function handOver(): Promise<null> {
      hasLeft = true
      for (const { ref } of hosted.values()) if (ref) context.stop(ref)
      hosted.clear()
      return asking(context, leases, { timeoutMs: leaveTimeoutMs })((replyTo) => ({ type: 'leave', replyTo }))
    }

    async function askState(message: Asked<JobRequests, 'ask-job-state'>): Promise<null> {
      if (hasLeft) throw controllerError('SERVER_LEFT')
      const { job: id, state } = message
      const found = await movableJob(collections, message)
      if (state === 'starting') {
        // On a shared store the lease watch takes over what a killed server has left.
        const fence = shared ? (found.value.fence ?? 0) + 1 : await nextFence(collections, found)
        const lease = { job: id, fence, takenOver: false }
        leasing.add(id)
        try {
          await leaseJob(collections, found, { ...lease, owner: server }, await startedJob(collections, found, parts))
          host(lease)
        } catch (cause) {
          // The write may have succeeded all the same: the job's actor finds out, and gives the lease back if the job
          // isn't started.
          if (!isRefusal(cause)) host(lease)
          throw cause
        } finally {
          leasing.delete(id)
        }
      } else {
        await collections.jobs.replace(found, { ...found.value, state, updatedAt: now() })
        await changed(id, found.value.fence, { type: 'look' })
      }
      return null
    }

    async function report(message: FlameletReport): Promise<null> {
      const { job: value, task } = await reportTask(collections, message, now)
      await changed(message.job, value.fence, { type: 'task-reported', task, status: message.status })
      return null
    }

    /** Tells a job's actor, on this server or another, that the job or its tasks have changed. */
    async function changed(id: string, fence: number | undefined, message: JobMessage): Promise<void> {
      const local = hosted.get(id)
      // An actor of an earlier lease is about to be stopped.
      if (local && local.fence === fence) local.ref?.tell(message)
      else if (fence !== undefined) await touchLease(collections, id, fence)
    }

    function host(lease: HeldLease): void {
      const present = hosted.get(lease.job)
      if (hasLeft || (present?.ref && present.fence >= lease.fence)) return
      if (present?.ref) context.stop(present.ref)
      const ref = context.spawn(`${lease.job}~${lease.fence}`, job(lease, jobParts), { supervise: { type: 'stop' } })
      const before = present?.fence === lease.fence ? present : { faults: 0 }
      hosted.set(lease.job, { ...before, fence: lease.fence, ref, sinceMs: context.clock.now() })
      context.watch(ref, (terminated) => ({ type: 'job-stopped', lease, terminated }))
    }

    /**
     * Handles the end of a job's actor: the job is at rest, another server has it, or the actor failed, which concerns
     * this job alone.
     */
    function stopped(lease: HeldLease, { cause }: Terminated): void {
      const present = hosted.get(lease.job)
      if (present?.fence !== lease.fence) return
      hosted.delete(lease.job)
      touches.delete(lease.job)
      if (cause === undefined) return
      if (cause instanceof CodedError && cause.code === 'LEASE_LOST')
        return void context.track(endLease(collections, lease)).catch((fault: unknown) => context.fail(fault))
      const isSteady = context.clock.now() - present.sinceMs > steadyMs
      if (isInterruption(cause)) {
        const isAgain = !isSteady && present.interruption?.code === cause.code
        const times = 1 + (isAgain ? (present.interruption?.times ?? 0) : 0)
        hosted.set(lease.job, { ...present, ref: undefined, interruption: { code: cause.code, times } })
        return interrupted(lease, cause, times)
      }
      const faults = isSteady ? 1 : present.faults + 1
      hosted.set(lease.job, { ...present, ref: undefined, faults })
      const again = faults < mostFaults ? lease : { ...lease, fault: { cause } }
      context.after(Math.min(mostBackOffMs, firstBackOffMs * 2 ** (faults - 1)), { type: 'host', lease: again })
    }

    /** Reports an interruption, as an event if the store works, and tries the job again after a while. */
    function interrupted(lease: HeldLease, cause: CodedError, times: number): void {
      onInterrupted?.(lease.job, cause)
      // A probe of the store tells when a try makes sense.
      if (isStoreTrouble(cause)) return void context.after(firstWaitMs, { type: 'go-on', lease })
      const { code, message } = cause
      if (times === 1)
        void context
          .ask<Reply<number>, EventsMessage>(
            events,
            (replyTo) => ({
              type: 'record-event',
              job: lease.job,
              event: { type: 'notice', end: lease.job, code, message },
              replyTo,
            }),
            { timeoutMs: noticeTimeoutMs },
          )
          .catch(() => {})
      context.after(Math.min(mostBackOffMs, firstWaitMs * 2 ** (times - 1)), { type: 'go-on', lease })
    }

    /** Goes on with an interrupted job, as soon as the store can be written. */
    async function goOn(lease: HeldLease): Promise<void> {
      if (!isWaiting(lease)) return
      try {
        await context.track(store.probe())
        context.self.tell({ type: 'host', lease })
      } catch {
        // The store's watch reports the fault.
        context.after(firstWaitMs, { type: 'go-on', lease })
      }
    }

    function isWaiting({ job: id, fence }: HeldLease): boolean {
      const present = hosted.get(id)
      return present?.fence === fence && present.ref === undefined
    }

    function seen(last: Extract<LeaseNews, { type: 'leases-seen' }>['last']): void {
      const before = unhosted
      unhosted = new Map()
      for (const [id, { fence, owner, touched }] of last) {
        const local = hosted.get(id)
        if (owner !== server) {
          if (!local || local.fence >= fence) continue
          if (local.ref) context.stop(local.ref)
          hosted.delete(id)
        } else if (local?.fence === fence) {
          if (touched > (touches.get(id) ?? 0)) local.ref?.tell({ type: 'look' })
          touches.set(id, touched)
        } else if (!local && !leasing.has(id)) {
          // The job may just have ended. If two looks find the lease without an actor, a fault cut off the job's
          // beginning.
          if (before.get(id) === fence) host({ job: id, fence, takenOver: shared })
          else unhosted.set(id, fence)
        }
      }
    }
  }
}
