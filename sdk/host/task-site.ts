import type { ActorRef, Behavior, DurableStore } from '../../runtime/index.ts'
import type { Workload } from '../workload/workload.ts'
import { siteError } from './errors.ts'
import { type HostedTasksMessage, hostedTasks } from './hosted-tasks.ts'
import { modelsAt } from './job-models.ts'
import { askTaken, handOver, type TakenReply, takeRole } from './kept-role.ts'
import { type HostParts, type PreparedTasks, prepareTasks } from './prepare-tasks.ts'
import { forgetRole } from './round-keeper.ts'
import {
  type CodeMessage,
  type CodeReply,
  decodeCodeReply,
  type HostedJob,
  type HostMessage,
  type OwnSiteMessage,
  type SiteMessage,
  type SiteReply,
} from './site-protocol.ts'

/** The workload of a job at a site, and what runs its learner there. */
export interface SiteWorkload {
  readonly workload: Workload
  /** The client on whose data a task trains. Default: as the job says. */
  readonly clientOf?: (end: string) => number | undefined
  readonly poolOf: HostParts['poolOf']
  /** Paths of the datasets that lie with this site, by name. */
  readonly paths?: HostParts['paths']
}

/** All that a site needs from outside. */
export interface SiteParts {
  /** Keeps the state of the site's tasks. */
  readonly store: DurableStore
  /**
   * Finds a job's workload: in a file that the site trusts, or in an archive that it has fetched and checked. Rejects
   * with a coded error if the site has none, or doesn't run the job's code.
   */
  readonly workloadOf: (job: HostedJob, code: SiteCode) => Promise<SiteWorkload>
  /** Most tasks that the site hosts at once. Default: any number. */
  readonly mostTasks?: number
  /** Run each round twice and compare both runs. Default: false. */
  readonly checkDeterminism?: boolean
}

/** The way to a job's code. */
export interface SiteCode {
  /** Aborted when the code is needed no more. */
  readonly signal: AbortSignal
  /** Fetches the archive from the node that wants the tasks hosted. @throws SITE_CODE_NONE */
  fetch(): Promise<Uint8Array>
}

/** Tasks that the site was told to host together. */
interface Share {
  /** Names the share's present tasks. */
  host: HostMessage
  /** Earlier shares with the same tasks, or their parts with these tasks, which stop first. */
  readonly after: Set<Stopping>
  /** The actor, once the earlier shares have stopped. */
  actor?: ActorRef<SharedTasksMessage>
  isStopping: boolean
}

/** Some tasks of a share, which stop while the others run on. */
interface SharePart {
  readonly of: Share
}

type Stopping = Share | SharePart

interface Release {
  readonly message: Extract<SiteMessage, { type: 'release' }>
  readonly of: Set<Stopping>
  readonly released: readonly string[]
  /** The ends whose state may be removed. */
  readonly withData: readonly string[]
}

type Message = OwnSiteMessage | { readonly type: 'stopped'; readonly stopped: Stopping }

/** Longest time for fetching a job's code. */
const fetchMs = 10 * 60_000

/**
 * The actor that hosts tasks of jobs at a place, and answers for them: in a server, in a process, on a device, in a
 * page. The rendezvous, the models and the reports of a job are elsewhere, reached by refs. Spawn it with the decoder
 * `decodeSiteMessage`.
 */
export function taskSite(parts: SiteParts): Behavior<Message> {
  return (context) => {
    const shares = new Set<Share>()
    const starts = new Map<string, number>()
    const releases = new Set<Release>()
    let spawned = 0

    return (message) => {
      switch (message.type) {
        case 'host':
          return host(message)
        // There's nothing to do beforehand in this process.
        case 'prepare':
          return
        case 'release':
          return release(message)
        case 'kill':
          return kill(message.run, message.end)
        case 'stopped':
          return ended(message.stopped)
      }
    }

    /** Hosts the tasks of the killed task's share anew. */
    function kill(run: string, end: string): void {
      const share = sharesOf(run).find((one) => !one.isStopping && one.host.ends.includes(end))
      if (share) host(share.host)
    }

    function host(message: HostMessage): void {
      const { job, ends, replyTo } = message
      const { run, start } = job
      const refuse = (cause: unknown) => replyTo.tell({ type: 'not-hosting', run, start, ends, cause })
      const known = starts.get(run) ?? 0
      if (start < known) return refuse(siteError('SITE_START_OLD', { ends: ends.join(', '), run, start, known }))
      const tasks = new Set(job.tasks.map(({ end }) => end))
      const stranger = ends.find((end) => !tasks.has(end))
      if (stranger !== undefined) return refuse(siteError('SITE_TASK_UNKNOWN', { run, end: stranger }))
      const replaced = sharesOf(run).filter((share) => share.host.job.start < start || overlaps(share, ends))
      const isKept = (share: Share, end: string) =>
        !replaced.includes(share) || (share.host.job.start === start && !ends.includes(end))
      const hosted = [...shares].flatMap((share) =>
        share.isStopping ? [] : endsOf(share).filter((end) => isKept(share, end)),
      )
      const { mostTasks = Number.POSITIVE_INFINITY } = parts
      if (hosted.length + ends.length > mostTasks)
        return refuse(siteError('SITE_FULL', { ends: ends.join(', '), run, hosted: hosted.length, most: mostTasks }))
      starts.set(run, start)
      const after = replaced.flatMap((old) => stop(old, old.host.job.start < start ? endsOf(old) : ends))
      const share: Share = { host: message, after: new Set(after), isStopping: false }
      shares.add(share)
      begin(share)
    }

    function begin(share: Share): void {
      if (share.after.size > 0) return
      spawned += 1
      share.actor = context.spawn(`tasks-${spawned}`, sharedTasks(share.host, parts), { supervise: { type: 'stop' } })
      const { state: _taken, ...host } = share.host
      share.host = host
      context.watch(share.actor, () => ({ type: 'stopped', stopped: share }))
    }

    function release(message: Extract<SiteMessage, { type: 'release' }>): void {
      const { run, ends } = message
      const released = sharesOf(run).filter((share) => ends === undefined || overlaps(share, ends))
      const names = new Set(released.flatMap(endsOf).filter((end) => ends === undefined || ends.includes(end)))
      const withData = released.flatMap(({ host: { job } }) =>
        job.tasks.flatMap(({ end, dataset }) => (dataset !== undefined && names.has(end) ? [end] : [])),
      )
      const stopping = released.flatMap((share) => stop(share, ends ?? endsOf(share)))
      const waiting: Release = { message, of: new Set(stopping), released: [...names], withData }
      releases.add(waiting)
      answer(waiting)
    }

    function answer(waiting: Release): void {
      if (waiting.of.size > 0) return
      releases.delete(waiting)
      const { run, replyTo } = waiting.message
      void context.track(cleared(waiting)).then(
        () => replyTo.tell({ type: 'released', run }),
        (cause: unknown) => replyTo.tell({ type: 'released', run, cause }),
      )
    }

    async function cleared({ message, released, withData }: Release): Promise<void> {
      const { run, forget = false, handOver: isHandedOver = false, replyTo: to } = message
      const { store } = parts
      if (isHandedOver)
        await handOver({ store, run, ends: released }, (kept) =>
          context.ask<TakenReply, SiteReply>(to, (taken) => ({ type: 'kept', run, kept, taken }), askTaken),
        )
      if (forget) await Promise.all(withData.map((end) => forgetRole(store, run, end)))
    }

    /** Stops these tasks of a share, and no others. Returns what has not stopped yet. */
    function stop(share: Share, ends: readonly string[]): Stopping[] {
      const left = endsOf(share).filter((end) => !ends.includes(end))
      if (share.isStopping || left.length === 0) {
        share.isStopping = true
        if (share.actor) context.stop(share.actor)
        else ended(share)
        return shares.has(share) ? [share] : []
      }
      if (!share.actor) {
        share.host = { ...share.host, ends: left }
        return []
      }
      const { job } = share.host
      // Tasks that have the whole job beside them hand held deltas on, which other nodes can't receive.
      if (endsOf(share).length === (job.whole?.tasks ?? job.tasks.length)) {
        const rest: Share = { host: { ...share.host, ends: left }, after: new Set([share]), isStopping: false }
        share.isStopping = true
        context.stop(share.actor)
        shares.add(rest)
        return [share]
      }
      const part: SharePart = { of: share }
      share.actor.tell({
        type: 'stop-tasks',
        ends: endsOf(share).filter((end) => ends.includes(end)),
        stopped: () => context.self.tell({ type: 'stopped', stopped: part }),
      })
      share.host = { ...share.host, ends: left }
      return [part]
    }

    function ended(stopped: Stopping): void {
      const isOver = (one: Stopping) => one === stopped || ('of' in one && one.of === stopped)
      if ('host' in stopped) shares.delete(stopped)
      for (const other of shares) {
        const over = [...other.after].filter(isOver)
        for (const one of over) other.after.delete(one)
        if (over.length > 0) begin(other)
      }
      for (const waiting of releases) {
        const over = [...waiting.of].filter(isOver)
        for (const one of over) waiting.of.delete(one)
        if (over.length > 0) answer(waiting)
      }
    }

    function sharesOf(run: string): Share[] {
      return [...shares].filter((share) => share.host.job.run === run)
    }
  }
}

function endsOf({ host }: Share): readonly string[] {
  return host.ends
}

function overlaps({ host }: Share, ends: readonly string[]): boolean {
  return host.ends.some((end) => ends.includes(end))
}

type SharedTasksMessage =
  | Extract<HostedTasksMessage, { type: 'stop-tasks' }>
  | { readonly type: 'prepared'; readonly prepared: PreparedTasks }
  | { readonly type: 'not-prepared'; readonly cause: unknown }
  | { readonly type: 'tasks-stopped'; readonly cause?: unknown }
  /** The rendezvous has stopped, or its node has ended: the tasks reach nobody any more, and their state is kept. */
  | { readonly type: 'abandoned' }

/** Prepares tasks of a job, and hosts them until it is stopped, or until the job's rendezvous has stopped. */
function sharedTasks(
  { job, ends, rendezvous, reports, models, code, state: given, replyTo }: HostMessage,
  { store, workloadOf, checkDeterminism }: SiteParts,
): Behavior<SharedTasksMessage> {
  return (context) => {
    const { run, start } = job
    const own = new Set(ends)
    let state = given
    let tasks: ActorRef<HostedTasksMessage> | undefined
    const published = modelsAt(models, context)
    context.watch(rendezvous, () => ({ type: 'abandoned' }))
    void context.track(prepared()).then(
      (ready) => context.self.tell({ type: 'prepared', prepared: ready }),
      (cause: unknown) => context.self.tell({ type: 'not-prepared', cause }),
    )

    return (message) => {
      switch (message.type) {
        case 'prepared': {
          const { hosted, unknownSettings } = message.prepared
          const present = hosted.tasks.filter(({ end }) => own.has(end))
          const behavior = hostedTasks({ ...hosted, tasks: present, rendezvous, reports, onRound: published.onRound })
          tasks = context.spawn('tasks', behavior, { supervise: { type: 'stop' } })
          context.watch(tasks, ({ cause }) => ({ type: 'tasks-stopped', ...(cause === undefined ? {} : { cause }) }))
          return replyTo.tell({ type: 'hosting', run, start, ends: [...own], unknownSettings })
        }
        case 'not-prepared':
        case 'tasks-stopped':
          replyTo.tell({ type: 'not-hosting', run, start, ends: [...own], cause: message.cause })
          return context.stop()
        case 'stop-tasks':
          for (const end of message.ends) own.delete(end)
          return tasks ? tasks.tell(message) : message.stopped()
        case 'abandoned':
          return context.stop()
      }
    }

    async function prepared(): Promise<PreparedTasks> {
      if (state) await takeRole(store, run, state)
      state = undefined
      const { workload, poolOf, paths, clientOf } = await workloadOf(job, { signal: context.signal, fetch })
      const { clients } = job
      return prepareTasks(
        {
          ...job,
          workload,
          clientOf: (end) => clientOf?.(end) ?? clients?.[end],
          isHere: (end) => own.has(end),
        },
        {
          ...{ store, registry: published.registry, checkDeterminism, paths, poolOf },
          ...(job.hasBaseModel && { baseWeights: published.baseWeights }),
        },
        context.signal,
      )
    }

    async function fetch(): Promise<Uint8Array> {
      if (!code) throw siteError('SITE_CODE_NONE', { run })
      const options = { timeoutMs: fetchMs, decode: decodeCodeReply }
      const reply = await context.ask<CodeReply, CodeMessage>(
        code,
        (to) => ({ type: 'fetch-code', replyTo: to }),
        options,
      )
      if (reply.type === 'no-code') throw reply.cause
      return reply.archive
    }
  }
}
