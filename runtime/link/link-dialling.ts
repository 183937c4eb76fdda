import type { DialledConnection } from './connection.ts'
import type { LaneName, Route } from './frame.ts'
import type { LinkMessage, LinkParts } from './link-parts.ts'
import type { LinkRoutes } from './link-routes.ts'
import { handshakeError, nodeEnded } from './member.ts'
import type { PeerRights } from './protocol.ts'

type DialMessage = Extract<
  LinkMessage,
  { type: 'connect' | 'disconnect' | 'redial' | 'dialled' | 'dial-failed' | 'dial' }
>

/** The connections of a link's actor: makes their routes, and makes them again. */
export function linkDialling({ own, settings, members, dialler }: LinkParts, routes: LinkRoutes) {
  const { greetWithinMs } = settings
  const connections = new Set<DialledConnection>()

  return { heard, endAll }

  function heard(message: DialMessage): void {
    switch (message.type) {
      case 'connect':
        connections.add(message.connection)
        return message.connection.dial('control', dialler)
      case 'disconnect':
        return disconnect(message.connection)
      case 'redial':
        return redial(message.connection, message.lane)
      case 'dialled':
        return dialled(message)
      case 'dial-failed': {
        const { connection, lane, attempt, cause } = message
        if (!connection.isPresent(lane, attempt)) return
        const late = () => handshakeError(connection.node ?? 'unknown', `no route in ${greetWithinMs} ms`)
        return connection.retry(lane, dialler, cause === undefined ? late() : errorOf(cause))
      }
      case 'dial':
        return dial(message.node, message.route, message.rights)
    }
  }

  function dial(node: string, route: Route, rights: PeerRights): void {
    routes.listen(routes.carrierOf(route, '', rights, { node, token: '', lanes: 'both', attempt: 0 }))
  }

  function dialled({ connection, lane, attempt, route }: Extract<LinkMessage, { type: 'dialled' }>): void {
    if (!connection.take(lane, attempt)) return route.close()
    const { node, token = '', rights } = connection.options
    const lanes = lane === 'control' && route.carriesBothLanes ? 'both' : lane
    routes.listen(routes.carrierOf(route, '', rights, { node, token, lanes, connection, attempt }))
  }

  function redial(connection: DialledConnection, lane: LaneName): void {
    const session = members.of(connection)?.session
    if (lane === 'control' || (session?.isAttached && session.wantsBulk)) connection.redial(lane, dialler)
    else {
      connection.rest(lane)
      session?.reportLostBulk()
    }
  }

  function disconnect(connection: DialledConnection): void {
    const member = members.of(connection)
    connections.delete(connection)
    connection.change('ended')
    if (member)
      routes.end(member, 'this node has closed the connection', nodeEnded(own.node, 'it has closed the connection'))
  }

  function endAll(): void {
    for (const connection of connections) connection.change('ended')
  }
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
