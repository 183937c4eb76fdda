import type { Behavior } from '../../runtime/index.ts'
import { type AuditParts, audit } from '../audit/audit.ts'
import type { AuditMessage } from '../audit/protocol.ts'
import { catalogue } from '../catalogue/catalogue.ts'
import type { CatalogueParts } from '../catalogue/parts.ts'
import type { CatalogueMessage } from '../catalogue/protocol.ts'
import { type ControllerParts, controller } from '../controller/controller.ts'
import type { ControllerMessage } from '../controller/protocol.ts'
import { events } from '../events/events.ts'
import type { EventsMessage } from '../events/protocol.ts'
import { notifier } from '../notifier/notifier.ts'
import type { NotifierMessage } from '../notifier/protocol.ts'

export type ControlPlaneMessage = AuditMessage | CatalogueMessage | ControllerMessage | EventsMessage | NotifierMessage

export type ControlPlaneParts = CatalogueParts & AuditParts & Omit<ControllerParts, 'events'>

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
    const entries = context.spawn('audit', audit(parts))
    const things = context.spawn('catalogue', catalogue(parts))
    const happenings = context.spawn('events', events(parts))
    const jobs = context.spawn('controller', controller({ ...parts, events: happenings }), {
      supervise: controllerSupervision,
    })
    const notifications = context.spawn('notifier', notifier(parts))
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
        case 'record-audit':
        case 'read-audit':
          return entries.tell(message)
        case 'ask-job-state':
        case 'report-task':
        case 'hand-over':
          return jobs.tell(message)
        default:
          return things.tell(message)
      }
    }
  }
}
