import type { HostedRun } from '../actors/flamelets/index.ts'
import { type ActorContext, type ActorRef, type Behavior, CodedError } from '../runtime/index.ts'
import { decodeSiteReply, type HostMessage, type SiteMessage, type SiteReply } from '../sdk/index.ts'
import { flameletError } from './errors.ts'

export interface DeviceSiteParts {
  readonly flamelet: string
  /** Spawns the site that runs the tasks: in this process, or in processes of their own. */
  readonly spawnSite: (context: Pick<ActorContext<never>, 'spawn'>) => ActorRef<SiteMessage>
  /** The datasets that jobs may use here, by their ids in the catalogue or their URLs there. `any`: all. */
  readonly datasets: readonly string[] | 'any'
  readonly mostTasks: number
  /** Hears of tasks of a job that were refused. */
  readonly onRefused: (job: string, cause: CodedError) => void
  /** Hears of the hosted runs after each change. */
  readonly onHosted: (hosted: readonly HostedRun[]) => void
}

/** The messages that a site answers. */
type AskedOfSite = Exclude<SiteMessage, { type: 'kill' }>

export type DeviceSiteMessage =
  | SiteMessage
  | { readonly type: 'replied'; readonly asked: AskedOfSite; readonly reply: SiteReply }
  /** No task is taken any more. */
  | { readonly type: 'close' }

/** Most names in a message. */
const mostNamed = 10

/**
 * The actor that stands before a device's site: it refuses tasks that the owner hasn't allowed, or that find no room,
 * and keeps account of the tasks that are hosted.
 */
export function deviceSite(parts: DeviceSiteParts): Behavior<DeviceSiteMessage> {
  const { flamelet, datasets, mostTasks, onRefused, onHosted } = parts
  return (context) => {
    const site = parts.spawnSite(context)
    /** By run. */
    const hosted = new Map<string, { readonly job: string; readonly start: number; readonly ends: Set<string> }>()
    let isClosed = false
    let answers = 0

    return (message) => {
      switch (message.type) {
        case 'host':
          return host(message)
        case 'release':
          return site.tell({ ...message, replyTo: answersTo(message) })
        case 'kill':
          return site.tell(message)
        case 'replied':
          return replied(message.asked, message.reply)
        case 'close':
          isClosed = true
          return
      }
    }

    function host(message: HostMessage): void {
      const { job, ends, replyTo } = message
      const fault = faultOf(message)
      if (fault) {
        const { run, start } = job
        onRefused(job.id, fault)
        return replyTo.tell({ type: 'not-hosting', run, start, ends, cause: fault })
      }
      const present = hosted.get(job.run)
      // A later start of the run takes the place of the tasks of an earlier one.
      const known = present?.start === job.start ? present : { job: job.id, start: job.start, ends: new Set<string>() }
      hosted.set(job.run, known)
      for (const end of ends) known.ends.add(end)
      tellHosted()
      site.tell({ ...message, replyTo: answersTo(message) })
    }

    function faultOf({ job, ends }: HostMessage): CodedError | undefined {
      if (isClosed) return flameletError('FLAMELET_DRAINING', { flamelet })
      const present = hosted.get(job.run)
      const { run, start } = job
      if (present && start < present.start)
        return flameletError('FLAMELET_START_OLD', {
          ends: ends.join(', '),
          run,
          start,
          flamelet,
          known: present.start,
        })
      const more = ends.filter((end) => !present?.ends.has(end)).length
      const count = [...hosted.values()].reduce((sum, run) => sum + run.ends.size, 0)
      if (count + more > mostTasks)
        return flameletError('FLAMELET_FULL', { flamelet, hosted: count, most: mostTasks, more })
      if (datasets === 'any') return undefined
      const own = new Set(ends)
      const foreign = job.tasks.find(
        ({ end, dataset, datasetUrl = '' }) =>
          own.has(end) && dataset !== undefined && !datasets.includes(dataset) && !datasets.includes(datasetUrl),
      )
      if (!foreign) return undefined
      const { end, datasetUrl } = foreign
      const dataset = datasetUrl === undefined ? foreign.dataset : `${foreign.dataset} (${datasetUrl})`
      const has = datasets.length === 0 ? 'none' : datasets.slice(0, mostNamed).join(', ')
      return flameletError('FLAMELET_DATASET', { end, dataset, flamelet, has })
    }

    /** Answers pass this actor, which keeps account. */
    function answersTo(asked: AskedOfSite): ActorRef<SiteReply> {
      answers += 1
      const heard: Behavior<SiteReply | { readonly type: 'asker-gone' }> = (own) => {
        own.watch(asked.replyTo, () => ({ type: 'asker-gone' }))
        return (reply) => {
          if (reply.type === 'asker-gone') return own.stop()
          context.self.tell({ type: 'replied', asked, reply })
          if (reply.type === 'released') own.stop()
        }
      }
      return context.spawn(`answers-${answers}`, heard, { decode: decodeSiteReply, supervise: { type: 'resume' } })
    }

    function replied(asked: AskedOfSite, reply: SiteReply): void {
      const known = hosted.get(reply.run)
      if (reply.type === 'not-hosting') {
        if (known?.start === reply.start) for (const end of reply.ends) known.ends.delete(end)
        if (reply.cause instanceof CodedError && asked.type === 'host') onRefused(asked.job.id, reply.cause)
      }
      if (reply.type === 'released' && asked.type === 'release')
        for (const end of asked.ends ?? known?.ends ?? []) known?.ends.delete(end)
      tellHosted()
      asked.replyTo.tell(reply)
    }

    function tellHosted(): void {
      for (const [run, { ends }] of hosted) if (ends.size === 0) hosted.delete(run)
      onHosted([...hosted].map(([run, { job, ends }]) => ({ job, run, ends: [...ends].toSorted() })))
    }
  }
}
