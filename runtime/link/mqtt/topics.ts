import { linkError } from '../errors.ts'
import type { LaneName } from '../frame.ts'

/**
 * Topics of routes. A device writes below flame/SERVER/up/USER/ and reads below flame/SERVER/down/USER/, so that a broker
 * can restrict each user to topics of its own (in Mosquitto by `%u`). Frames have the topic of their route,
 * flame/SERVER/up/USER/NODE/ROUTE/LANE, and
 * signals one below it: of the dialling node `open`, `ready`, `bye` and, as its last will, `gone`; of the accepting node
 * `opened` and `bye`.
 */
export interface RoutePlace {
  /** Name of the accepting node. */
  readonly to: string
  /** The user that the dialling node is at the broker. */
  readonly user: string | undefined
  readonly node: string
  /** Differs from that of each other route of the node. */
  readonly route: string
  readonly lane: LaneName
}

const root = 'flame'
/** User of clients without one, at brokers that ask for none. */
const anyone = 'anyone'
/** Brokers replace `%u` by the name, and refuse names with these characters then. */
const unfitForUsers = /[/+#\s\p{Cc}]/u
const mostCharacters = 200

/** The topics of a route's frames, in both directions. @throws LINK_TOPIC if a name can't be part of a topic. */
export function topicsOf({ to, user, node, route, lane }: RoutePlace): { readonly up: string; readonly down: string } {
  const rest = `${userLevel(user)}/${nodeLevel(node)}/${route}/${lane}`
  const server = nodeLevel(to)
  return { up: `${root}/${server}/up/${rest}`, down: `${root}/${server}/down/${rest}` }
}

/** The topic on which an accepting node, or its will, tells all others that it has left the broker. */
export function goneTopic(server: string): string {
  return `${root}/${nodeLevel(server)}/gone`
}

/** The text of an accepting node's will. In other messages the node gives its name alone. */
export function willOf(id: string): string {
  return `lost ${id}`
}

/** The topics that an accepting node hears: all routes of a lane. */
export function acceptedTopics(server: string, lane: LaneName): string {
  return `${root}/${nodeLevel(server)}/up/+/+/+/${lane}/#`
}

/** Reads topics of what dialling nodes have sent to a node. Answers undefined for a topic that is none of a route. */
export function upTopicReader(server: string): (topic: string) => UpTopic | undefined {
  const [up, down] = [`${root}/${nodeLevel(server)}/up/`, `${root}/${nodeLevel(server)}/down/`]
  return (topic) => {
    if (!topic.startsWith(up)) return undefined
    const { base, user, signal } =
      /^(?<base>(?<user>[^/]+)\/[^/]+\/[^/]+\/[a-z]+)(?:\/(?<signal>[a-z]+))?$/.exec(topic.slice(up.length))?.groups ??
      {}
    if (base === undefined || user === undefined) return undefined
    return { route: up + base, down: down + base, user, signal }
  }
}

export interface UpTopic {
  /** Topic of the route's frames. */
  readonly route: string
  readonly down: string
  readonly user: string
  readonly signal: string | undefined
}

/** The rights of a broker's client: those of a device, or those of the accepting node with the name `serves`. */
export interface BrokerRights {
  readonly serves?: string
}

/** Whether a client may write a message with this topic. */
export function mayWrite(user: string, { serves }: BrokerRights, topic: string): boolean {
  const [first, server, direction, named] = topic.split('/')
  if (first !== root) return false
  if (serves !== undefined) return server === nodeLevel(serves) && (direction === 'down' || direction === 'gone')
  return direction === 'up' && named === user
}

/** Whether a client may subscribe to this topic, which may have wildcards. */
export function mayRead(user: string, { serves }: BrokerRights, topic: string): boolean {
  const [first, server, direction, named, ...rest] = topic.split('/')
  if (first !== root || server === '#' || server === undefined) return false
  if (serves !== undefined) return server === nodeLevel(serves) && direction === 'up' && named !== undefined
  if (direction === 'gone') return named === undefined
  return direction === 'down' && named === user && rest.length > 0
}

/** @throws LINK_TOPIC */
export function checkedUser(user: string): string {
  if (user === '' || user.length > mostCharacters || unfitForUsers.test(user))
    throw linkError('LINK_TOPIC', { name: user })
  return user
}

function userLevel(user: string | undefined): string {
  return user === undefined ? anyone : checkedUser(user)
}

function nodeLevel(name: string): string {
  const level = encodeURIComponent(name)
  if (level === '' || level.length > mostCharacters) throw linkError('LINK_TOPIC', { name })
  return level
}
