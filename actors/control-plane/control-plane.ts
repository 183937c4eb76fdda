import type { Behavior } from '../../runtime/index.ts'
import { type AuditParts, audit } from '../audit/audit.ts'
import type { AuditMessage } from '../audit/protocol.ts'
import { catalogue } from '../catalogue/catalogue.ts'
import type { CatalogueParts } from '../catalogue/parts.ts'
import type { CatalogueMessage } from '../catalogue/protocol.ts'
import { events } from '../events/events.ts'
import type { EventsMessage } from '../events/protocol.ts'
import { notifier } from '../notifier/notifier.ts'
import type { NotifierMessage } from '../notifier/protocol.ts'

export type ControlPlaneMessage = AuditMessage | CatalogueMessage | EventsMessage | NotifierMessage

/** Parent of the control plane's actors: hands each message to the one that it is for. */
export function controlPlane(parts: CatalogueParts & AuditParts): Behavior<ControlPlaneMessage> {
  return (context) => {
    const entries = context.spawn('audit', audit(parts))
    const things = context.spawn('catalogue', catalogue(parts))
    const happenings = context.spawn('events', events(parts))
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
        default:
          return things.tell(message)
      }
    }
  }
}
