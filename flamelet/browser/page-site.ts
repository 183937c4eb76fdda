import {
  type DrainAnswer,
  decodeDrainAnswer,
  decodeRegisterAnswer,
  type FlameletMessage,
  type FlameletRegistration,
  type HostedRun,
  type RegisterAnswer,
} from '../../actors/flamelets/protocol.ts'
import { type ActorRef, type Behavior, packError } from '../../runtime/index.ts'
import {
  type HostMessage,
  type SiteMessage,
  type SiteParts,
  type SiteReply,
  type TaskReport,
  taskSite,
} from '../../sdk/index.ts'
import { pageError } from './errors.ts'
import { hasDataset, type PageDatasets } from './page-workload.ts'
import type { OnProgress } from './progress.ts'

export interface PageSiteParts extends SiteParts {
  readonly registration: Omit<FlameletRegistration, 'hosted'>
  readonly datasets: PageDatasets
  readonly onProgress: OnProgress
  /** The server doesn't take the flamelet. */
  readonly onRefused: (cause: Error) => void
}

/** A message of the flamelet's server, or of the page. */
export type PageSiteMessage =
  | SiteMessage
  /** A session with a life of the server has begun. */
  | { readonly type: 'session'; readonly server: ActorRef<FlameletMessage> }
  /** The flamelet ends: `done` is called when the server has taken its tasks back. */
  | { readonly type: 'leave'; readonly done: () => void }

type Message =
  | PageSiteMessage
  | { readonly type: 'answered'; readonly answer: RegisterAnswer }
  | { readonly type: 'replied'; readonly hosting: Hosting; readonly reply: SiteReply }
  | { readonly type: 'reported'; readonly hosting: Hosting; readonly report: TaskReport }
  /** The server has released the tasks, all of whose reports before the release are heard. */
  | { readonly type: 'let-go'; readonly hosting: Hosting; readonly isCompleted: boolean }
  /** The job's rendezvous has stopped, or the life of its server has ended. */
  | { readonly type: 'abandoned'; readonly hosting: Hosting }

/** Tasks that the server has given to the page, and the actors that hear what the tasks tell the server. */
interface Hosting {
  readonly host: HostMessage
  readonly reports: ActorRef<HeardReport>
  readonly replies: ActorRef<SiteReply>
  /** Ends whose tasks have completed or failed. */
  readonly ended: Set<string>
}

/** A report, or the server's release of the tasks after it. */
type HeardReport = TaskReport | { readonly type: 'over'; readonly isCompleted: boolean }

/** Time that an answer of the server may take, through a connection that may be interrupted for long. */
const patienceMs = 24 * 60 * 60 * 1000
/** Time within which the server must take back the tasks of a flamelet that leaves. */
const leaveWithinMs = 10_000

/**
 * The actor of a page's flamelet: registers with each life of the server, hands the server's messages to the page's site, and
 * tells the page of what happens there. Spawn it with the decoder `decodeSiteMessage`.
 */
export function pageSite({
  registration,
  datasets,
  onProgress,
  onRefused,
  ...parts
}: PageSiteParts): Behavior<Message> {
  return (context) => {
    const site = context.spawn('site', taskSite(parts), { supervise: { type: 'escalate' } })
    const hostings = new Set<Hosting>()
    let server: ActorRef<FlameletMessage> | undefined
    let spawned = 0

    return (message) => {
      switch (message.type) {
        case 'session':
          return register(message.server)
        case 'answered':
          return answered(message.answer)
        case 'host':
          return host(message)
        case 'release':
          return release(message)
        case 'kill':
          return site.tell(message)
        case 'replied':
          return replied(message.hosting, message.reply)
        case 'reported':
          return reported(message.hosting, message.report)
        case 'let-go':
          return letGo(message.hosting, message.isCompleted)
        case 'abandoned':
          return unhost((hosting) => hosting === message.hosting)
        case 'leave':
          return void context.track(leave(message.done))
      }
    }

    function register(joined: ActorRef<FlameletMessage>): void {
      server = joined
      const options = { timeoutMs: patienceMs, decode: decodeRegisterAnswer }
      const asked = context.ask<RegisterAnswer, FlameletMessage>(
        joined,
        (replyTo) => ({
          type: 'register',
          registration: { ...registration, hosted: hosted() },
          site: context.self,
          replyTo,
        }),
        options,
      )
      // Another life of the server makes another session, which registers again.
      asked.then(
        (answer) => context.self.tell({ type: 'answered', answer }),
        () => {},
      )
    }

    function answered(answer: RegisterAnswer): void {
      if (answer.type === 'refused') return onRefused(answer.cause)
      onProgress(answer)
    }

    function host(message: HostMessage): void {
      const { job, ends, replyTo } = message
      const missing = job.tasks.find(
        ({ end, dataset }) => ends.includes(end) && dataset !== undefined && !hasDataset(datasets, dataset),
      )
      if (missing) {
        const has = Object.keys(datasets ?? {}).join(', ') || 'none'
        const values = { flamelet: registration.name, end: missing.end, dataset: missing.dataset, has }
        const cause = pageError('PAGE_DATASET', values)
        onProgress({ type: 'not-hosting', job: job.id, ends, cause: packError(cause) })
        return replyTo.tell({ type: 'not-hosting', run: job.run, start: job.start, ends, cause })
      }
      unhost(({ host: old }) => old.job.run === job.run && (old.job.start < job.start || overlap(old.ends, ends)))
      spawned += 1
      const reports = context.spawn<HeardReport>(`reports-${spawned}`, () => (heard) => {
        if (heard.type === 'over') return context.self.tell({ type: 'let-go', hosting, isCompleted: heard.isCompleted })
        message.reports.tell(heard)
        context.self.tell({ type: 'reported', hosting, report: heard })
      })
      const replies = context.spawn(`replies-${spawned}`, () => (reply: SiteReply) => {
        replyTo.tell(reply)
        context.self.tell({ type: 'replied', hosting, reply })
      })
      const hosting: Hosting = { host: message, reports, replies, ended: new Set() }
      hostings.add(hosting)
      context.watch(message.rendezvous, () => ({ type: 'abandoned', hosting }))
      site.tell({ ...message, reports, replyTo: replies })
      tellHosted()
    }

    /** The page hears first what its tasks have reported before. */
    function release(message: Extract<SiteMessage, { type: 'release' }>): void {
      const { run, forget: isCompleted = false } = message
      for (const { host, reports } of hostings)
        if (host.job.run === run && overlap(host.ends, message.ends ?? host.ends))
          reports.tell({ type: 'over', isCompleted })
      site.tell(message)
    }

    /** The server may end a run before its trainers hear that they are done. */
    function letGo(hosting: Hosting, isCompleted: boolean): void {
      if (!hostings.has(hosting)) return
      if (isCompleted) for (const end of hosting.host.ends) reported(hosting, { type: 'task-completed', end })
      unhost((one) => one === hosting)
    }

    function reported({ host: { job }, ended }: Hosting, report: TaskReport): void {
      const { end } = report
      if (report.type === 'log') return onProgress({ type: 'log', job: job.id, end, entry: report.entry })
      if ((report.type !== 'task-completed' && report.type !== 'task-failed') || ended.has(end)) return
      ended.add(end)
      if (report.type === 'task-completed') return onProgress({ type: 'completed', job: job.id, end })
      onProgress({ type: 'failed', job: job.id, end, cause: packError(report.cause) })
    }

    function replied(hosting: Hosting, reply: SiteReply): void {
      const { job, ends } = hosting.host
      if (reply.type === 'hosting') onProgress({ type: 'hosting', job: job.id, ends })
      if (reply.type === 'not-hosting') unhost((one) => one === hosting, reply.cause)
    }

    function unhost(isOver: (hosting: Hosting) => boolean, cause?: unknown): void {
      const over = [...hostings].filter(isOver)
      for (const hosting of over) {
        hostings.delete(hosting)
        context.stop(hosting.reports)
        context.stop(hosting.replies)
        const { job, ends } = hosting.host
        onProgress({ type: 'not-hosting', job: job.id, ends, ...(cause !== undefined && { cause: packError(cause) }) })
      }
      if (over.length > 0) tellHosted()
    }

    function hosted(): HostedRun[] {
      return [...hostings].map(({ host: { job, ends } }) => ({ job: job.id, run: job.run, ends }))
    }

    function tellHosted(): void {
      server?.tell({ type: 'progress', hosted: hosted() })
    }

    async function leave(done: () => void): Promise<void> {
      const options = { timeoutMs: leaveWithinMs, decode: decodeDrainAnswer }
      const drain = (replyTo: ActorRef<DrainAnswer>): FlameletMessage => ({ type: 'drain', replyTo })
      try {
        if (server) await context.ask<DrainAnswer, FlameletMessage>(server, drain, options)
      } catch {
        // The server hears from the end of the link that the flamelet has ended.
      }
      done()
    }
  }
}

function overlap(ends: readonly string[], others: readonly string[]): boolean {
  return ends.some((end) => others.includes(end))
}
