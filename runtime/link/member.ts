import { addressee } from '../kernel/addressee.ts'
import type { ActorRef, ActorSystem } from '../kernel/protocol.ts'
import type { DialledConnection } from './connection.ts'
import { type LinkError, linkError } from './errors.ts'
import type { LaneName } from './frame.ts'
import type { EntryName, RouteLanes } from './greeting.ts'
import type { Peer, PeerRights } from './protocol.ts'
import type { SealedRoute } from './sealed-route.ts'
import { Session } from './session.ts'
import type { SessionSettings } from './session-parts.ts'
import { Silence, type SilenceBounds } from './silence.ts'

/** Most ended lives that are remembered. */
const mostEnded = 10_000

/** A node with which there is a session. */
export interface Member {
  readonly session: Session
  readonly peer: Peer
  /** Who the node has proven to be. */
  readonly identity: string
  rights: PeerRights
  /** The ref that this node has given to the other unasked. */
  readonly entry: ActorRef<never> | undefined
  readonly silence: Silence
  /** Whether this node makes the routes. */
  readonly isDialled: boolean
  /** Makes the routes. Absent if nobody makes another one. */
  connection?: DialledConnection | undefined
  /** The session has no route for small messages since then. */
  detachedSinceMs?: number | undefined
  readonly carriers: { [Lane in LaneName]?: Carrier | undefined }
  /** Time by which the node's frames are delayed on purpose. */
  delayMs?: number
  /** Whether the session sends at the end of this turn. */
  isWoken: boolean
}

/** A route, with its session once both ends have greeted. */
export interface Carrier {
  readonly route: SealedRoute
  /** Present if this node has made the route. */
  readonly dialled?: Dialled
  /** The address at which another node has made the route; empty if the route's owner vouches for this node. */
  readonly from: string
  /** Absent until the token was accepted. */
  readonly rights?: PeerRights
  readonly sinceMs: number
  /** `awaiting` the first message of the other end; `greeted`: this message is being answered. */
  state: 'awaiting' | 'greeted' | 'open' | 'closed'
  nonce: Uint8Array
  /** The life of the other node, by its own claim. */
  claimed?: { readonly node: string; readonly incarnation: number }
  /** Of a route that this node has made: the entry that it gives. */
  entry?: ActorRef<never> | undefined
  epoch: number
  member?: Member
  /** The session's progress when the route was opened. */
  progress: number
  /** When the last delayed frame arrives. */
  dueMs?: number
}

/** Why a route was made, and for whom. */
export interface Dialled {
  /** The other node's name. Absent: any name. */
  readonly node?: string | undefined
  readonly token: string
  readonly lanes: RouteLanes
  readonly connection?: DialledConnection
  /** Number of the connection's attempt. */
  readonly attempt: number
}

/** A life of a node, and the facts that are known of the node when a session with it begins. */
export interface Newcomer {
  readonly node: string
  readonly incarnation: number
  readonly identity: string
  readonly rights: PeerRights
  /** The ref that the node gives unasked. */
  readonly given: EntryName | undefined
  /** The ref that this node has given already, when it dialled. */
  readonly entry?: ActorRef<never> | undefined
  readonly isDialled: boolean
}

export interface MembersOptions extends Omit<SessionSettings, 'mayStop'> {
  /** Ref for every node whose rights name no other. */
  readonly entry?: ActorRef<never> | undefined
  readonly silence: SilenceBounds
  /** Called when a session wants to send. */
  readonly wake: (member: Member, when?: 'now' | 'later') => void
}

/** The sessions of a node, one for each other node, and the lives that have ended. */
export class Members {
  readonly #system: ActorSystem
  readonly #options: MembersOptions
  /** Shared by the sessions with nodes that may stop actors, and by those with nodes that may not. */
  readonly #settings: Readonly<Record<'obeying' | 'own', SessionSettings>>
  readonly #members = new Map<string, Member>()
  /** By node and identity: the last life that has ended, or was declared dead. */
  readonly #ended = new Map<string, number>()

  constructor(system: ActorSystem, options: MembersOptions) {
    this.#system = system
    this.#options = options
    this.#settings = { obeying: { ...options, mayStop: true }, own: { ...options, mayStop: false } }
  }

  get size(): number {
    return this.#members.size
  }

  /** All members at this time. */
  get all(): readonly Member[] {
    return [...this.#members.values()]
  }

  get(node: string): Member | undefined {
    return this.#members.get(node)
  }

  /** The node that a connection dials, if there is a session. */
  of(connection: DialledConnection): Member | undefined {
    const member = connection.node === undefined ? undefined : this.get(connection.node)
    return member?.connection === connection ? member : undefined
  }

  /**
   * The session with this life of a node, if any. Ends the session with an earlier life, as `end` does. LINK_INCARNATION
   * for an ended life, LINK_NAME for another node of the same name.
   */
  living(
    { node, incarnation, identity }: Pick<Newcomer, 'node' | 'incarnation' | 'identity'>,
    end: (earlier: Member) => void,
  ) {
    if (node === this.#system.node.node) throw nameError(node, 'both nodes have this name')
    const member = this.get(node)
    if (member && member.identity !== identity) throw nameError(node, 'another node of this name has a session')
    const isOver =
      incarnation < (member?.peer.nodeIncarnation ?? 0) ||
      incarnation <= (this.#ended.get(lifeOf(node, identity)) ?? -1)
    if (isOver) throw incarnationEnded({ node, nodeIncarnation: incarnation })
    if (!member || member.peer.nodeIncarnation === incarnation) return member
    end(member)
    return undefined
  }

  /** The ref that this node gives to another unasked. */
  entryFor({ rights }: Pick<Newcomer, 'rights'>, peer: Peer): ActorRef<never> | undefined {
    return rights.entry?.(peer) ?? this.#options.entry
  }

  begin(newcomer: Newcomer, nowMs: number): Member {
    const { node, incarnation, identity, rights, given, isDialled } = newcomer
    const { wake, silence } = this.#options
    const settings = rights.mayStop ? this.#settings.obeying : this.#settings.own
    const session = new Session({ node, nodeIncarnation: incarnation }, this.#system, settings, (when) =>
      wake(member, when),
    )
    const peer: Peer = { ...session.peer, ...(given && { entry: session.import(...given) }) }
    const entry = newcomer.entry ?? this.entryFor(newcomer, peer)
    const member: Member = {
      session,
      peer,
      identity,
      rights,
      entry,
      silence: new Silence(silence, nowMs),
      isDialled,
      carriers: {},
      isWoken: false,
    }
    if (entry) session.export(entry)
    this.#members.set(node, member)
    return member
  }

  /** Ends a session for good. The farewell is its last frame, if a route is left. */
  end({ session, identity }: Member, cause: Error, farewell?: Uint8Array<ArrayBuffer>): void {
    const { node, nodeIncarnation } = session.peer
    this.#members.delete(node)
    const life = lifeOf(node, identity)
    this.#ended.delete(life)
    this.#ended.set(life, nodeIncarnation)
    const [oldest] = this.#ended.size > mostEnded ? this.#ended.keys() : []
    if (oldest !== undefined) this.#ended.delete(oldest)
    session.end(cause, farewell)
  }
}

export function entryName(ref: ActorRef<never> | undefined): EntryName | undefined {
  if (!ref) return undefined
  const { number, path } = addressee(ref)
  return [number, path]
}

export function nameOf({ member, claimed, dialled }: Carrier): string {
  return member?.peer.node ?? claimed?.node ?? dialled?.node ?? 'unknown'
}

export function nodeEnded(node: string, reason: string, cause?: Error): LinkError {
  return linkError('LINK_NODE_ENDED', { node, reason }, cause && { cause })
}

export function nameError(node: string, found: string): LinkError {
  return linkError('LINK_NAME', { node, found })
}

export function handshakeError(node: string, found: string, cause?: unknown): LinkError {
  return linkError('LINK_HANDSHAKE', { node, found }, { cause })
}

export function incarnationEnded({ node, nodeIncarnation }: Pick<Peer, 'node' | 'nodeIncarnation'>): LinkError {
  return linkError('LINK_INCARNATION', { node, incarnation: nodeIncarnation })
}

function lifeOf(node: string, identity: string): string {
  return `${node}\n${identity}`
}
