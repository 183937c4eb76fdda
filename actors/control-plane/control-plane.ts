import type { Behavior } from '../../runtime/index.ts'
import { catalogue } from '../catalogue/catalogue.ts'
import type { CatalogueParts } from '../catalogue/parts.ts'
import type { CatalogueMessage } from '../catalogue/protocol.ts'

export type ControlPlaneMessage = CatalogueMessage

/** Parent of the control plane's actors: hands each message to the one that it is for. */
export function controlPlane(parts: CatalogueParts): Behavior<ControlPlaneMessage> {
  return (context) => {
    const things = context.spawn('catalogue', catalogue(parts))
    return (message) => things.tell(message)
  }
}
