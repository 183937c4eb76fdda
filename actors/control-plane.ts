import type { ActorRef, Behavior } from '../runtime/index.ts'
import { type AuditParts, audit } from './audit/audit.ts'
import type { AuditRequests } from './audit/protocol.ts'
import { catalogue } from './catalogue.ts'
import type { CatalogueRequests } from './catalogue-requests.ts'
import type { Deployer } from './deployers/deployer.ts'
import { flameletsDeployer } from './deployers/flamelets/flamelets-deployer.ts'
import { flameletSitesDeployer } from './deployers/sites/flamelet-sites.ts'
import type { SitesParts } from './deployers/sites/sites-deployer.ts'
import { type EventsParts, type EventsRequests, events } from './events/events.ts'
import { type FlameletsParts, flamelets } from './flamelets/flamelets.ts'
import type { FlameletsMessage, FlameletsRequests } from './flamelets/flamelets-messages.ts'
import { servedComputes } from './flamelets/served-computes.ts'
import { type IdempotencyParts, type IdempotencyRequests, idempotency } from './idempotency/idempotency.ts'
import { type ControllerParts, controller, type JobRequests } from './jobs/controller.ts'
import { type ModelsParts, type ModelsRequests, models } from './models/models.ts'
import { type NotifierMessage, type NotifierRequests, notifier } from './notifier/notifier.ts'
import { collectionsOf } from './records/collections.ts'
import { holdings } from './records/holdings.ts'
import type { BaseModels, CatalogueParts } from './records/parts.ts'
import type { Asked } from './requests/requests.ts'

interface ControlPlaneRequests
  extends AuditRequests,
    CatalogueRequests,
    JobRequests,
    ModelsRequests,
    EventsRequests,
    FlameletsRequests,
    IdempotencyRequests,
    NotifierRequests {}

export type ControlPlaneMessage =
  | Asked<ControlPlaneRequests>
  | Extract<NotifierMessage, { type: 'release' }>
  | Extract<FlameletsMessage, { type: 'flamelet-connected' | 'local-flamelet-ended' }>

/** The actor that handles each type of request. */
type Recipients = { readonly [Type in keyof ControlPlaneRequests]: ActorRef<Asked<ControlPlaneRequests, Type>> }

interface JobComputes {
  readonly tasks: readonly { readonly computeId: string }[]
}

export type ControlPlaneParts = Omit<CatalogueParts, 'baseModelOf'> &
  AuditParts &
  IdempotencyParts &
  EventsParts &
  FlameletsParts &
  Omit<ModelsParts, 'store'> &
  Omit<ControllerParts, 'events' | 'deployerOf'> & {
    /** Chooses the deployer of a job: the one for flamelets of the interface, the one for joined flamelets, or another. */
    readonly chooseDeployer: (job: JobComputes, flamelets: Deployer, joined: JoinedFlamelets | undefined) => Deployer
    /** The models with which jobs begin. Absent: jobs' `baseModel` means nothing to this server. */
    readonly baseModels?: Pick<BaseModels, 'find'>
    /** Hosts tasks for flamelets that join by links. Absent: joined flamelets get no tasks. */
    readonly sites?: Pick<SitesParts, 'own' | 'isOwn' | 'registry' | 'baseWeights' | 'slots' | 'observer' | 'limits'>
  }

/** The flamelets that have joined by links, for the choice of a job's deployer. */
export interface JoinedFlamelets {
  readonly deployer: Deployer
  /** Whether a flamelet, present or not, gets the tasks of a compute. */
  serves(computeId: string): boolean
}

/** Jobs go on after each fault of the controller itself, without limit. */
const controllerSupervision = {
  type: 'restart',
  max: Number.POSITIVE_INFINITY,
  withinMs: 60_000,
  backOff: { firstMs: 100, limitMs: 5000 },
} as const

/** Parent of the control plane's actors: hands each request to the actor that handles the request. */
export function controlPlane(given: ControlPlaneParts): Behavior<ControlPlaneMessage> {
  return async (context) => {
    const served = await context.track(servedComputes(given.store, given.locals))
    const parts = { ...given, served, held: holdings(collectionsOf(given.store)) }
    const repeatables = context.spawn('idempotency', idempotency(parts), { supervise: { type: 'resume' } })
    const entries = context.spawn('audit', audit(parts))
    const happenings = context.spawn('events', events(parts))
    const notifications = context.spawn('notifier', notifier(parts))
    const joined = context.spawn('flamelets', flamelets(parts), { supervise: { type: 'resume' } })
    const byNotifications = flameletsDeployer({ ...parts, notifier: notifications })
    const bySites = parts.sites && {
      deployer: flameletSitesDeployer({ ...parts, ...parts.sites, flamelets: joined }),
      serves: (computeId: string) => served.has(computeId),
    }
    const deployerOf = (job: JobComputes) => parts.chooseDeployer(job, byNotifications, bySites)
    const runFaults: CatalogueParts['runFaults'] = (spec, schema, tasks) =>
      deployerOf({ tasks }).faultsOf?.(spec, schema) ?? []
    // Flamelets of the interface look for a base model themselves.
    const baseModelOf: CatalogueParts['baseModelOf'] = async (user, spec, tasks) =>
      deployerOf({ tasks }).faultsOf && parts.baseModels?.find(user, spec)
    const things = context.spawn('catalogue', catalogue({ ...parts, runFaults, baseModelOf }))
    const stored = context.spawn('models', models(parts), { supervise: { type: 'resume' } })
    const jobs = context.spawn('controller', controller({ ...parts, deployerOf, events: happenings }), {
      supervise: controllerSupervision,
    })

    const recipients: Recipients = {
      probe: things,
      'list-designs': things,
      'read-design': things,
      'create-design': things,
      'update-design': things,
      'remove-design': things,
      'read-schema': things,
      'add-schema': things,
      'remove-schema': things,
      'read-code': things,
      'read-code-revision': things,
      'add-code': things,
      'remove-code': things,
      'list-datasets': things,
      'list-public-datasets': things,
      'read-dataset': things,
      'create-dataset': things,
      'update-dataset': things,
      'remove-dataset': things,
      'list-jobs': things,
      'read-job': things,
      'read-job-status': things,
      'create-job': things,
      'update-job': things,
      'remove-job': things,
      'list-tasks': things,
      'read-task': things,
      'check-task-key': things,
      'fetch-task': things,
      'read-usage': things,
      'list-computes': things,
      'read-compute': things,
      'read-compute-config': things,
      'check-compute-key': things,
      'register-compute': things,
      'update-compute': things,
      'remove-compute': things,
      'list-compute-jobs': things,
      'list-deployments': things,
      'read-deployment-config': things,
      'read-deployment-status': things,
      'report-deployment': things,

      'admit-flamelet': joined,
      'list-flamelets': joined,
      'read-flamelet': joined,
      'remove-flamelet': joined,
      'make-fault': joined,

      'ask-job-state': jobs,
      'report-task': jobs,
      'hand-over': jobs,

      'list-models': stored,
      'read-model': stored,
      'remove-models': stored,

      'record-event': happenings,
      'read-events': happenings,

      notify: notifications,
      receive: notifications,

      'note-asked': entries,
      'note-ends': entries,
      'read-audit': entries,
      'count-refusals': entries,
      'keep-refusals': entries,
      'read-refusals': entries,

      'begin-once': repeatables,
      'end-once': repeatables,
    }
    return (message) => {
      if (message.type === 'release') for (const one of [notifications, joined]) one.tell(message)
      else if (message.type === 'flamelet-connected' || message.type === 'local-flamelet-ended') joined.tell(message)
      else handOver(recipients, message)
    }
  }
}

function handOver<Type extends keyof ControlPlaneRequests>(
  recipients: Recipients,
  message: Asked<ControlPlaneRequests, Type>,
): void {
  recipients[message.type].tell(message)
}
