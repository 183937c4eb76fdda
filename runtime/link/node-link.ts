import { isObject } from '../decoding/guards.ts'
import type { ActorSystem } from '../kernel/protocol.ts'
import { DialledConnection } from './connection.ts'
import type { Route } from './frame.ts'
import { linkActor } from './link-actor.ts'
import type { NodeLink, NodeLinkOptions } from './protocol.ts'

/** Joins a system to other nodes: spawns the actor `link`, which ends its sessions when it stops. */
export function nodeLink(system: ActorSystem, options: NodeLinkOptions = {}): NodeLink {
  // A callback that throws is reported as a fault, and ends no session.
  const link = system.spawn('link', linkActor(system, options), { supervise: { type: 'resume' } })
  // Routes that arrive after the link's end would stay open, and keep the process alive.
  system.deadLetters.subscribe(({ path, message }) => {
    if (path !== link.path) return
    routeIn(message)?.close()
    if (isConnect(message)) message.connection.change('ended')
  })
  return {
    connect(connect) {
      const connection = new DialledConnection(connect, () => link.tell({ type: 'disconnect', connection }))
      link.tell({ type: 'connect', connection })
      return connection
    },
    dial: (node, route, rights) => link.tell({ type: 'dial', node, route, rights }),
    accept: (route, rights) =>
      link.tell(
        'mayStop' in rights ? { type: 'accept', route, rights, from: '' } : { type: 'accept', route, ...rights },
      ),
    disturb: (node, how) => link.tell({ type: 'disturb', node, how }),
    declareDead: (node) => link.tell({ type: 'declare-dead', node }),
    close: () => system.stop(link),
  }
}

/** The route that a message hands to the link's actor. */
function routeIn(message: unknown): Route | undefined {
  if (!isObject(message) || !('route' in message)) return undefined
  return isRoute(message.route) ? message.route : undefined
}

function isRoute(value: unknown): value is Route {
  return isObject(value) && 'listen' in value && 'close' in value
}

function isConnect(message: unknown): message is { readonly connection: DialledConnection } {
  return isObject(message) && 'connection' in message && message.connection instanceof DialledConnection
}
