import type { ActorRef, Address } from '../kernel/protocol.ts'
import type { DialRoute, PerLane, Route } from './frame.ts'
import type { FrameCodec } from './sealed-route.ts'

/** A node with which a session has begun: one Peer for each of the node's lives. */
export interface Peer extends Pick<Address, 'node' | 'nodeIncarnation'> {
  /** The ref that the other node gives to each node unasked. All other refs come in messages. */
  readonly entry?: ActorRef<never>
}

/** Facts about the node at a route's other end, and its rights. */
export interface PeerRights {
  /** The name that the other end has proven. A greeting with another name is refused. Absent: any name. */
  readonly node?: string
  /**
   * Who the other end has proven to be. A node takes the place of another of its name only if both have the same
   * identity. Default: `node`.
   */
  readonly identity?: string
  /** Whether this node's actors obey a `stop` of the other node. Don't give strangers this right. */
  readonly mayStop: boolean
  /**
   * Makes the ref that this node is given when a session with it begins. The actor needs a decoder. The peer has an
   * entry of its own if the other node has dialled. Default: the link's entry.
   */
  readonly entry?: (peer: Peer) => ActorRef<never>
  /** Called when the session has lost its route for small messages, and when it has one again. */
  readonly detached?: (isDetached: boolean) => void
}

/** The claims of a greeting node. Nothing but these texts of the greeting has been read. */
export interface Claim {
  readonly token: string
  readonly node: string
  /** The address at which the route began, such as `192.0.2.7`. */
  readonly from: string
}

/** A node that was not let in, for an audit log. The node's name is its own claim. */
export interface Refusal {
  readonly from: string
  readonly node?: string
  readonly cause: Error
}

export interface NodeLinkOptions {
  /** Ref that is given to every node with which a session begins. The actor of the ref needs a decoder. */
  readonly entry?: ActorRef<never>
  readonly onPeer?: (peer: Peer) => void
  /**
   * Decides who a greeting node is, and what it may do. A rejection refuses the node with LINK_TOKEN; a rejection for
   * trouble with the store lets it try again. Absent: routes are accepted only with rights.
   */
  readonly authenticate?: (claim: Claim) => Promise<PeerRights>
  /** Called for each node that is not let in. */
  readonly onRefused?: (refusal: Refusal) => void
  /** Longest frame. Default 64 KiB, and 256 KiB in the bulk lane. */
  readonly frameBytes?: PerLane
  /**
   * Most bytes that may be sent ahead of acknowledgements. Default 1 MiB, and 4 MiB in the bulk lane, of which slow and
   * relayed routes use 1 MiB.
   */
  readonly window?: PerLane
  /** Longest message. Default 256 MiB. */
  readonly mostMessageBytes?: number
  /**
   * Most bytes that may wait for a node, besides the window. Further messages become dead letters; offers wait from a
   * sixteenth on. Default 64 MiB, and 1 GiB in the bulk lane, whose messages share their arrays with the sender.
   */
  readonly queue?: PerLane
  /**
   * Number of messages of more than `slotFromBytes` (default 1 MiB) that all other nodes together may send at a time;
   * default 2. One that takes longer than `slotPatienceMs` (default 1,000) while others wait doesn't count any more.
   * All nodes need the same `slotFromBytes`.
   */
  readonly slots?: number
  readonly slotFromBytes?: number
  readonly slotPatienceMs?: number
  /** Frames that are still unacknowledged after this time, on a living route, are sent again. Default 2,000. */
  readonly resendAfterMs?: number
  /** A route on which the other node doesn't greet within this time is closed. Default 10,000. */
  readonly greetWithinMs?: number
  /** Most accepted routes whose node has not greeted yet. Further routes are refused. Default 1,000. */
  readonly mostGreeting?: number
  /**
   * A node that has sent nothing for this time is asked for a frame. Default 30,000: below the patience of proxies, and
   * cheap for thousands of nodes. The dialling end asks only if the other node doesn't.
   */
  readonly beatEveryMs?: number
  /**
   * Bounds of the time for an answer, after which a route is given up and the session waits for another. In between, the
   * time adapts to the link. Default 4,000 and 60,000.
   */
  readonly suspectMs?: { readonly least: number; readonly most: number }
  /** A node that had no route for this time, and makes its routes itself, is declared dead. Default 20 minutes. */
  readonly deadAfterMs?: number
  /** Whether frames have check sums on relayed routes only, or on all. Default: relayed. */
  readonly checkSums?: 'relayed' | 'always'
  /** Compresses frames to nodes that have a codec, too. Default: none. */
  readonly codec?: FrameCodec
  /** Makes unpredictable bytes, for challenges and for delays. Default: the platform's. */
  readonly randomBytes?: (count: number) => Uint8Array
}

/**
 * `open`: the session has a route. `connecting`: a route is being made, or is waited for. `refused`: the other node
 * doesn't let this node in. `ended`: closed, or the other node has ended this node's life. The last two are final.
 */
export type ConnectionState = 'connecting' | 'open' | 'refused' | 'ended'

export interface ConnectOptions {
  readonly dial: DialRoute
  /** Proves to the other node who this node is. Default: empty. */
  readonly token?: string
  /** Name of the other node. Absent: any name. */
  readonly node?: string
  readonly rights: PeerRights
  /** The other node is declared dead if there was no route for this time. Default: never. */
  readonly deadAfterMs?: number
  /** Called with each new state, and with each failure to connect. */
  readonly onChange?: (state: ConnectionState, cause?: Error) => void
}

/** Keeps the session with a node that this node dials. */
export interface Connection {
  readonly state: ConnectionState
  /** Ends the session, and makes no further route. The other node refuses this life of this node from then on. */
  close(): void
}

/** A fault that is made on purpose. */
export type Disturbance =
  /** The node's routes are lost. */
  | { readonly type: 'cut' }
  /** From now on the node's frames come later by this time; 0 ends the delay. */
  | { readonly type: 'delay'; readonly delayMs: number }

/** Joins an actor system to others, each with its own name and incarnation. */
export interface NodeLink {
  /** Keeps a session with a node: dials whenever a route is missing, after growing delays from 2 ms to 5 s. */
  connect(options: ConnectOptions): Connection
  /** Begins or resumes the session with a node, on one route for both lanes. Nobody dials when the route is lost. */
  dial(node: string, route: Route, rights: PeerRights): void
  /**
   * Takes a route that another node has made. The greeting names the session to resume. Without rights, the greeting's
   * token decides (`authenticate`), and `from` is the address at which the route began.
   */
  accept(route: Route, rights: PeerRights | { readonly from: string }): void
  /** Disturbs the routes of a node on purpose, to see how actors bear it. */
  disturb(node: string, how: Disturbance): void
  /** Declares the present life of a node dead. Watchers are told, and this life is refused from now on. */
  declareDead(node: string): void
  /**
   * Ends every session: the other nodes are told that this node has ended. If a system terminates with its link open,
   * the link first reports the stop of each actor.
   */
  close(): void
}
