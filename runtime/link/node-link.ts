import type { ActorSystem } from '../kernel/protocol.ts'
import { DialledConnection } from './connection.ts'
import { linkActor } from './link-actor.ts'
import type { NodeLink, NodeLinkOptions } from './protocol.ts'

/** Joins a system to other nodes: spawns the actor `link`, which ends its sessions when it stops. */
export function nodeLink(system: ActorSystem, options: NodeLinkOptions = {}): NodeLink {
  // A callback that throws is reported as a fault, and ends no session.
  const link = system.spawn('link', linkActor(system, options), { supervise: { type: 'resume' } })
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
