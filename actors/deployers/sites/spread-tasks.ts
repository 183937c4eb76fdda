import { type ActorContext, type ActorRef, type Behavior } from '../../../runtime/index.ts'
import {
  type CodeMessage,
  decodeCodeMessage,
  decodeModelsMessage,
  decodeRendezvousMessage,
  type HostedJob,
  jobModels,
  type Notice,
  type OwnSiteMessage,
  rendezvous as rendezvousOfJob,
  type SiteReply,
  siteJobs,
  storedAdoptions,
  type TaskReport,
  taskSite,
} from '../../../sdk/index.ts'
import { beginPlacements } from './placements.ts'
import { siteChanges } from './site-changes.ts'
import { siteRefusals } from './site-refusals.ts'
import { siteReleases } from './site-releases.ts'
import { ownSite, type Spread, type SpreadNews, type TasksToSpread } from './spread-parts.ts'
import { spreadState } from './spread-state.ts'
import { taskArrangement } from './task-arrangement.ts'

const defaultRejoinMs = 60_000

/**
 * Spreads a job's tasks over sites, and keeps them there: parent of the job's rendezvous, of the actor that publishes
 * its models, and of this node's own site. A site that comes back gets its tasks again; the tasks of a site that is
 * gone for good, or leaves, go to other sites. Tasks without data begin when all others are hosted.
 */
export function spreadTasks(parts: TasksToSpread): Behavior<SpreadNews> {
  const { job, registry, onRound, reports: owner, codeOf, limits: { rejoinMs = defaultRejoinMs } = {} } = parts
  const { run } = job

  return async (context) => {
    const placements = await context.track(beginPlacements(parts.store, run))
    const { start } = placements
    const notice = (end: string, given: Notice) => owner.tell({ type: 'notice', end, notice: given })
    const rendezvous = context.spawn('rendezvous', rendezvousOfJob(storedAdoptions(parts.store, run, notice)), {
      supervise: { type: 'escalate' },
      decode: decodeRendezvousMessage,
    })
    const state = spreadState(context, parts, placements, rendezvous)
    const { tasks, goneAfterMs } = state
    const models = context.spawn('models', jobModels(run, { registry, onRound, baseWeights: parts.baseWeights }), {
      decode: decodeModelsMessage,
    })
    const code =
      codeOf && context.spawn('code', codeGiver(codeOf), { supervise: { type: 'resume' }, decode: decodeCodeMessage })
    const hosted: HostedJob = {
      ...job,
      start,
      tasks: parts.tasks.map(({ end, role, groupAssociation, dataset, datasetUrl }) => ({
        end,
        role,
        groupAssociation,
        ...(dataset !== undefined && { dataset }),
        ...(datasetUrl !== undefined && { datasetUrl }),
      })),
    }
    const refs = { rendezvous, models, ...(code && { code }) }
    const own = ownSiteIn(context, parts.own)
    const arrangement = taskArrangement(context, parts, state, placements, siteJobs(hosted), { ...refs, own })
    const { arrange } = arrangement
    const changes = siteChanges(context, parts, state, arrange)
    const refusals = siteRefusals(context, state, arrange)
    const releases = siteReleases(context, parts, state, arrangement, rendezvous)
    const saidUnknown = new Set<string>()

    state.know(ownSite, own, undefined)
    if (start > 1) {
      context.after(rejoinMs, { type: 'begin-anyway' })
      context.after(goneAfterMs, { type: 'unseen' })
    }
    parts.sites.follow(context.self)
    await arrange()
    return (message) => {
      switch (message.type) {
        case 'site-here':
          return changes.here(message.site, message.isAway)
        case 'site-leaving':
          return releases.leaving(message.name)
        case 'site-away':
          return changes.awaitReturn(message.name)
        case 'site-back':
          return changes.back(message.name)
        case 'site-gone':
          return releases.stopped(message.name) ? undefined : changes.gone(message.name)
        case 'site-lost':
          return changes.lost(message.name)
        case 'unseen':
          return changes.unseen()
        case 'arrange':
          return changes.arranged()
        case 'site-fault': {
          // A site that has none of the job's tasks is no concern of the job.
          if (state.sites.has(message.name) && state.placedAt(message.name).length === 0) return undefined
          const { code, message: text } = message.cause
          return owner.tell({ type: 'notice', end: message.name, notice: { code, message: text } })
        }
        case 'sites-exhausted':
          for (const spread of tasks.values())
            if (isConcerned(spread, message.computeId)) state.fail(spread, message.cause)
          return
        case 'site-answered':
          return answered(message.name, message.reply)
        case 'again':
          return refusals.again(message.name, message.ends)
        case 'begin-anyway':
          return arrangement.begin()
        case 'say-awaited':
          return arrangement.sayAwaited()
        case 'placeless': {
          const spread = tasks.get(message.end)
          return spread?.state === 'waiting' && spread.place === undefined ? state.failPlaceless(spread) : undefined
        }
        case 'stop':
          return releases.stop(message.forget)
        case 'stopped-anyway':
          return context.stop()
        case 'reported':
          return reported(message.report, message.hosting)
      }
    }

    function answered(name: string, reply: SiteReply): Promise<void> | undefined {
      if (reply.type === 'released') return releases.released(name)
      if (reply.type === 'kept') return kept(name, reply)
      if (reply.start !== start) return undefined
      const concerned = reply.ends.flatMap((end) => tasks.get(end) ?? []).filter((spread) => spread.place === name)
      if (reply.type === 'not-hosting') return refusals.refused(name, concerned, reply.cause)
      for (const spread of concerned)
        if (spread.state === 'asked') Object.assign(spread, { state: 'hosting', kept: undefined })
      for (const setting of reply.unknownSettings) sayUnknown(setting)
      return arrange()
    }

    /** Keeps the state of a task that is about to go elsewhere. */
    function kept(name: string, { kept: state, taken }: Extract<SiteReply, { type: 'kept' }>): undefined {
      const spread = tasks.get(state.end)
      if (spread?.place === name && spread.state === 'leaving') spread.kept = state
      taken.tell({ type: 'taken' })
    }

    function reported(report: TaskReport, hosting: number): void {
      const spread = tasks.get(report.end)
      // A site that has lost the task, or an earlier life of the task's site, may still tell of it.
      if (!spread || spread.state === 'ended' || spread.hosting !== hosting) return
      if (report.type === 'task-completed' || report.type === 'task-failed') spread.state = 'ended'
      if (report.type !== 'task-completed') return owner.tell(report)
      models.tell({ type: 'completed', told: () => owner.tell(report) })
    }

    function sayUnknown(setting: string): void {
      if (saidUnknown.has(setting)) return
      saidUnknown.add(setting)
      const message = `the workload has no setting ${setting}`
      owner.tell({ type: 'notice', end: job.id, notice: { code: 'SETTING_UNKNOWN', message } })
    }
  }
}

function ownSiteIn(
  context: Pick<ActorContext<never>, 'spawn' | 'signal'>,
  own: TasksToSpread['own'],
): ActorRef<OwnSiteMessage> {
  return typeof own === 'function'
    ? own(context)
    : context.spawn('site', taskSite(own), { supervise: { type: 'escalate' } })
}

function codeGiver(codeOf: () => Promise<Uint8Array>): Behavior<CodeMessage> {
  return (context) =>
    ({ replyTo }) =>
      void context.track(codeOf()).then(
        (archive) => replyTo.tell({ type: 'code', archive }),
        (cause: unknown) => replyTo.tell({ type: 'no-code', cause }),
      )
}

/** Whether a task can't run any more when all sites of a compute have ended for good. */
function isConcerned({ task, place, state }: Spread, computeId: string | undefined): boolean {
  if (place === ownSite) return false
  return computeId === undefined || (task.computeId === computeId && state === 'waiting')
}
