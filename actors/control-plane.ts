import type { Behavior } from '../runtime/index.ts'
import { type AuditParts, audit } from './audit/audit.ts'
import type { AuditMessage } from './audit/protocol.ts'
import { catalogue } from './catalogue.ts'
import type { Deployer } from './deployers/deployer.ts'
import { agentsDeployer } from './deployers/flamelets/agents-deployer.ts'
import { type EventsMessage, type EventsParts, events } from './events/events.ts'
import { type IdempotencyParts, idempotency } from './idempotency/idempotency.ts'
import type { IdempotencyMessage } from './idempotency/protocol.ts'
import { type ControllerParts, controller } from './jobs/controller.ts'
import type { ControllerMessage } from './jobs/protocol.ts'
import { type NotifierMessage, notifier } from './notifier/notifier.ts'
import type { CatalogueMessage } from './protocol.ts'
import type { CatalogueParts } from './records/parts.ts'

export type ControlPlaneMessage =
  | AuditMessage
  | CatalogueMessage
  | ControllerMessage
  | EventsMessage
  | IdempotencyMessage
  | NotifierMessage

interface JobPlaces {
  readonly tasks: readonly { readonly computeId: string }[]
}

export type ControlPlaneParts = CatalogueParts &
  AuditParts &
  IdempotencyParts &
  EventsParts &
  Omit<ControllerParts, 'events' | 'deployerOf'> & {
    /** Which deployer takes a job: the one for agents, or another. */
    readonly chooseDeployer: (job: JobPlaces, agents: Deployer) => Deployer
  }

/** Jobs go on after a fault of the controller itself, however often. */
const controllerSupervision = {
  type: 'restart',
  max: Number.POSITIVE_INFINITY,
  withinMs: 60_000,
  backOff: { firstMs: 100, limitMs: 5000 },
} as const

/** Parent of the control plane's actors: hands each message to the one that it is for. */
export function controlPlane(parts: ControlPlaneParts): Behavior<ControlPlaneMessage> {
  return (context) => {
    const repeatables = context.spawn('idempotency', idempotency(parts), { supervise: { type: 'resume' } })
    const entries = context.spawn('audit', audit(parts))
    const happenings = context.spawn('events', events(parts))
    const notifications = context.spawn('notifier', notifier(parts))
    const agents = agentsDeployer({ ...parts, notifier: notifications })
    const deployerOf = (job: JobPlaces) => parts.chooseDeployer(job, agents)
    const things = context.spawn('catalogue', catalogue(parts))
    const jobs = context.spawn('controller', controller({ ...parts, deployerOf, events: happenings }), {
      supervise: controllerSupervision,
    })
    return (message) => {
      switch (message.type) {
        case 'record-event':
        case 'read-events':
        case 'remove-events':
          return happenings.tell(message)
        case 'notify':
        case 'receive':
        case 'release':
          return notifications.tell(message)
        case 'note-asked':
        case 'note-ends':
        case 'read-audit':
        case 'count-refusals':
        case 'keep-refusals':
        case 'read-refusals':
          return entries.tell(message)
        case 'ask-job-state':
        case 'report-task':
        case 'hand-over':
          return jobs.tell(message)
        case 'begin-once':
        case 'end-once':
          return repeatables.tell(message)
        default:
          return things.tell(message)
      }
    }
  }
}
