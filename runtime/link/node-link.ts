import { addressee } from '../kernel/addressee.ts'
import type { ActorRef, ActorSystem, Address, Behavior, Cancel } from '../kernel/protocol.ts'
import { linkError } from './errors.ts'
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameKind,
  frameHeaderBytes,
  type PerLane,
  type Route,
} from './frame.ts'
import { FrameBuffers } from './lane.ts'
import { pack, unpack } from './message-pack.ts'
import { Session } from './session.ts'

/** A node with which a session has begun: one Peer for each of the node's lives. */
export interface Peer extends Pick<Address, 'node' | 'nodeIncarnation'> {
  /** The ref that the other node gives to each node unasked. All other refs come in messages. */
  readonly entry?: ActorRef<never>
}

export interface NodeLinkOptions {
  /** Ref that is given to every node with which a session begins. Its actor needs a decoder. */
  readonly entry?: ActorRef<never>
  readonly onPeer?: (peer: Peer) => void
  /** Longest frame. Default 64 KiB, and 256 KiB in the bulk lane. */
  readonly frameBytes?: PerLane
  /** Most bytes that may be sent ahead of acknowledgements. Default 1 MiB. */
  readonly window?: PerLane
  /** Longest message. Default 256 MiB. */
  readonly mostMessageBytes?: number
  /** Frames that are still unacknowledged after this time, on a living route, are sent again. Default 2,000. */
  readonly resendAfterMs?: number
  /** A route on which the other node doesn't greet within this time is closed. Default 10,000. */
  readonly greetWithinMs?: number
}

/** Facts about the node at a route's other end, and its rights. */
export interface PeerRights {
  /** The name that the other end has proven. A greeting with another name is refused. Absent: any name. */
  readonly node?: string
  /** Whether this node's actors obey a `stop` of the other node. Don't give strangers this right. */
  readonly mayStop: boolean
}

/** Joins an actor system to others, each with its own name and incarnation. */
export interface NodeLink {
  /** Begins or resumes the session with a node, on a route to this node. */
  dial(node: string, route: Route, rights: PeerRights): void
  /** Takes a route that another node has made. This node's greeting names the session to resume. */
  accept(route: Route, rights: PeerRights): void
  /** Declares the present life of a node dead. Watchers are told, and this life is refused from now on. */
  declareDead(node: string): void
  /**
   * Ends every session: the other nodes are told that this node has ended. If a system terminates with its link open,
   * the link first reports the stop of each actor.
   */
  close(): void
}

/** Version of the protocol. Nodes of another version are refused. */
const version = 1
const fromTheBeginning: PerLane = { control: 1, bulk: 1 }
const mostNameCharacters = 1000
const defaultFrameBytes: PerLane = { control: 64 * 1024, bulk: 256 * 1024 }
const defaultWindow: PerLane = { control: 1024 * 1024, bulk: 1024 * 1024 }

/** The first messages of the nodes at both ends of a new route, besides the frame's numbers. */
interface Greeting {
  readonly version: number
  readonly node: string
  readonly incarnation: number
  /** The life of the other node with which the sender has a session; 0 if none. */
  readonly peerIncarnation: number
  readonly epoch: number
  readonly entry?: readonly [number, string]
}

/** A route, with its session once both ends have greeted. */
interface Carrier {
  readonly route: Route
  readonly rights: PeerRights
  /** The dialled node, if this node dialled. */
  readonly dialled: string | undefined
  session?: Session
  /** Cancels the time-out of the greeting. */
  greeted?: Cancel
}

type LinkMessage =
  | { readonly type: 'dial'; readonly node: string; readonly route: Route; readonly rights: PeerRights }
  | { readonly type: 'accept'; readonly route: Route; readonly rights: PeerRights }
  | { readonly type: 'heard'; readonly carrier: Carrier; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'lost'; readonly carrier: Carrier }
  | { readonly type: 'not-greeted'; readonly carrier: Carrier }
  | { readonly type: 'flush'; readonly session: Session }
  | { readonly type: 'look'; readonly session: Session; readonly progress: number }
  | { readonly type: 'declare-dead'; readonly node: string }

/** Joins a system to other nodes: spawns the actor `link`, which ends its sessions when it stops. */
export function nodeLink(system: ActorSystem, options: NodeLinkOptions = {}): NodeLink {
  const link = system.spawn('link', linkActor(system, options), { supervise: { type: 'stop' } })
  return {
    dial: (node, route, rights) => link.tell({ type: 'dial', node, route, rights }),
    accept: (route, rights) => link.tell({ type: 'accept', route, rights }),
    declareDead: (node) => link.tell({ type: 'declare-dead', node }),
    close: () => system.stop(link),
  }
}

function linkActor(system: ActorSystem, options: NodeLinkOptions): Behavior<LinkMessage> {
  const { entry, frameBytes = defaultFrameBytes, window = defaultWindow } = options
  const { mostMessageBytes = 256 * 1024 * 1024, resendAfterMs = 2000, greetWithinMs = 10_000 } = options

  return (context) => {
    const sessions = new Map<string, Session>()
    const buffers = new FrameBuffers()
    /** By node: the last life that has ended, or was declared dead. */
    const ended = new Map<string, number>()
    const epochs = new Map<string, number>()
    const flushes = new Set<Session>()
    const looks = new Map<Session, Cancel>()
    context.signal.addEventListener('abort', endAll, { once: true })

    return (message) => {
      switch (message.type) {
        case 'dial':
          return dial(message.node, message.route, message.rights)
        case 'accept':
          return listen({ route: message.route, rights: message.rights, dialled: undefined })
        case 'heard':
          return heard(message.carrier, message.bytes)
        case 'lost':
          return lost(message.carrier)
        case 'not-greeted':
          return giveUp(message.carrier)
        case 'flush':
          return flush(message.session)
        case 'look':
          return look(message.session, message.progress)
        case 'declare-dead': {
          const session = sessions.get(message.node)
          return session && end(session, linkError('LINK_NODE_ENDED', { node: message.node, reason: 'declared dead' }))
        }
      }
    }

    function dial(node: string, route: Route, rights: PeerRights): void {
      const carrier: Carrier = { route, rights, dialled: node }
      listen(carrier)
      const epoch = (epochs.get(node) ?? 0) + 1
      epochs.set(node, epoch)
      greet('hello', carrier, sessions.get(node), epoch)
    }

    function listen(carrier: Carrier): void {
      carrier.greeted = context.after(greetWithinMs, { type: 'not-greeted', carrier })
      carrier.route.listen({
        heard: (bytes) => context.self.tell({ type: 'heard', carrier, bytes }),
        lost: () => context.self.tell({ type: 'lost', carrier }),
      })
    }

    function heard(carrier: Carrier, bytes: Uint8Array<ArrayBuffer>): void {
      const { session, dialled } = carrier
      // Frames of a replaced route are ignored.
      if (session && session.route !== carrier.route) return
      try {
        const frame = decodeFrame(bytes, session?.peer.node ?? dialled ?? 'unknown')
        if (frame.kind === 'close') return closed(carrier, frame)
        if (!session && frame.kind !== (dialled === undefined ? 'hello' : 'welcome')) return
        if (session) {
          session.heard(frame)
          if (!session.hasUnacknowledged) lookNoMore(session)
        } else if (dialled === undefined) accepted(carrier, frame)
        else welcomed(carrier, dialled, frame)
      } catch (thrown) {
        const cause = thrown instanceof Error ? thrown : new Error(String(thrown))
        if (session) return end(session, cause)
        carrier.greeted?.()
        refuse(carrier.route, cause.message)
      }
    }

    /** Handles the first frame of a route that another node has made. */
    function accepted(carrier: Carrier, frame: Frame): void {
      const greeting = greetingOf(frame)
      const { node, incarnation, peerIncarnation, epoch } = greeting
      if (carrier.rights.node !== undefined && carrier.rights.node !== node)
        throw linkError('LINK_HANDSHAKE', { node: carrier.rights.node, found: `it greets as ${node}` })
      const known = livingSession(node, incarnation)
      // This route was replaced before its greeting arrived.
      if (known && known.epoch >= epoch) return giveUp(carrier)
      const session = known ?? begin(greeting, carrier.rights)
      session.epoch = epoch
      carrier.session = session
      carrier.greeted?.()
      const isResumed = peerIncarnation === system.node.nodeIncarnation
      // Greets first, since the other node can't read another frame before.
      greet('welcome', carrier, session, epoch)
      session.attach(carrier.route, isResumed ? frame : { ...frame, expected: fromTheBeginning })
      if (!known) announce(session, greeting)
    }

    /** Handles the answer of a dialled node. */
    function welcomed(carrier: Carrier, dialled: string, frame: Frame): void {
      const greeting = greetingOf(frame)
      if (greeting.node !== dialled)
        throw linkError('LINK_HANDSHAKE', { node: dialled, found: `${greeting.node} has answered` })
      if (greeting.epoch !== epochs.get(dialled)) return giveUp(carrier)
      const known = livingSession(dialled, greeting.incarnation)
      const session = known ?? begin(greeting, carrier.rights)
      carrier.session = session
      carrier.greeted?.()
      session.attach(carrier.route, frame)
      if (!known) announce(session, greeting)
    }

    /**
     * The session with this life of a node, if any. Ends the session with an earlier life. Throws for an ended life.
     */
    function livingSession(node: string, incarnation: number): Session | undefined {
      if (node === system.node.node) throw linkError('LINK_HANDSHAKE', { node, found: 'both nodes have that name' })
      const session = sessions.get(node)
      const last = Math.max(ended.get(node) ?? 0, session?.peer.nodeIncarnation ?? 0)
      if (incarnation < last || incarnation === ended.get(node))
        throw linkError('LINK_HANDSHAKE', { node, found: `its incarnation ${incarnation} has ended` })
      if (session?.peer.nodeIncarnation === incarnation) return session
      if (session)
        end(session, linkError('LINK_NODE_ENDED', { node, reason: `its incarnation ${incarnation} has begun` }))
      return undefined
    }

    function begin({ node, incarnation }: Greeting, { mayStop }: PeerRights): Session {
      const settings = {
        frameBytes: { control: frameBytes.control - frameHeaderBytes, bulk: frameBytes.bulk - frameHeaderBytes },
        window,
        mostMessageBytes,
        mayStop,
        buffers,
      }
      const session = new Session({ node, nodeIncarnation: incarnation }, system, settings, () => {
        if (flushes.has(session)) return
        flushes.add(session)
        context.self.tell({ type: 'flush', session })
      })
      sessions.set(node, session)
      if (entry) session.export(entry)
      return session
    }

    function announce(session: Session, { node, incarnation, entry: given }: Greeting): void {
      const peer = { node, nodeIncarnation: incarnation }
      options.onPeer?.(given ? { ...peer, entry: session.import(...given) } : peer)
    }

    function greet(kind: 'hello' | 'welcome', { route }: Carrier, session: Session | undefined, epoch: number): void {
      const { node, nodeIncarnation: incarnation } = system.node
      const peerIncarnation = session?.peer.nodeIncarnation ?? 0
      const greeting: Greeting = { version, node, incarnation, peerIncarnation, epoch }
      route.send(frameOf(kind, entry ? { ...greeting, entry: entryName(entry) } : greeting, session?.expected))
    }

    function flush(session: Session): void {
      flushes.delete(session)
      session.flush()
      if (!session.route || !session.hasUnacknowledged || looks.has(session)) return
      looks.set(session, context.after(resendAfterMs, { type: 'look', session, progress: session.progress }))
    }

    /** On a living route that loses frames, the last frames may be missing without a gap. */
    function look(session: Session, progress: number): void {
      looks.delete(session)
      if (session.route && session.hasUnacknowledged && session.progress === progress) session.resend()
      else flush(session)
    }

    function lookNoMore(session: Session): void {
      looks.get(session)?.()
      looks.delete(session)
    }

    function lost(carrier: Carrier): void {
      carrier.greeted?.()
      const { session } = carrier
      if (session?.route !== carrier.route) return
      session.detach()
      lookNoMore(session)
    }

    /** The other node reports that it has ended, or that it refuses this node. */
    function closed({ session, dialled, route, greeted }: Carrier, frame: Frame): void {
      greeted?.()
      route.close()
      const refused = session ?? (dialled === undefined ? undefined : sessions.get(dialled))
      if (refused) end(refused, linkError('LINK_NODE_ENDED', { node: refused.peer.node, reason: reasonOf(frame) }))
    }

    function giveUp({ route, greeted }: Carrier): void {
      greeted?.()
      route.close()
    }

    function refuse(route: Route, reason: string): void {
      route.send(frameOf('close', { reason }))
      route.close()
    }

    function end(session: Session, cause: Error): void {
      const { node, nodeIncarnation } = session.peer
      ended.set(node, nodeIncarnation)
      sessions.delete(node)
      lookNoMore(session)
      if (session.route) refuse(session.route, cause.message)
      session.end(cause)
    }

    function endAll(): void {
      for (const session of [...sessions.values()]) {
        session.flush()
        if (session.route) refuse(session.route, 'it was stopped')
        const { node } = session.peer
        session.end(linkError('LINK_NODE_ENDED', { node, reason: `the link of ${system.node.node} was closed` }))
      }
      sessions.clear()
    }

    function frameOf(kind: FrameKind, content: unknown, expected = fromTheBeginning): Uint8Array<ArrayBuffer> {
      const plain = { lane: 'control', isPart: false, count: 0, first: 0 } as const
      return encodeFrame({ ...plain, kind, expected, window, body: pack(content) })
    }
  }
}

function entryName(ref: ActorRef<never>): readonly [number, string] {
  const { number, path } = addressee(ref)
  return [number, path]
}

/** Decodes an untrusted greeting. @throws LINK_HANDSHAKE, LINK_VALUE */
function greetingOf(frame: Frame): Greeting {
  const refused = (found: string) => linkError('LINK_HANDSHAKE', { node: 'unknown', found })
  const fields: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(Object(unpack(frame.body))))
  const { version: spoken, node, incarnation, peerIncarnation, epoch, entry } = fields
  if (spoken !== version) throw refused(`it speaks version ${String(spoken)}, but this node speaks version ${version}`)
  if (typeof node !== 'string' || node === '' || node.length > mostNameCharacters) throw refused('it has no name')
  if (!isCount(incarnation) || !isCount(peerIncarnation) || !isCount(epoch)) throw refused('it has no incarnation')
  const greeting = { version, node, incarnation, peerIncarnation, epoch }
  if (entry === undefined || entry === null) return greeting
  const [number, path]: readonly unknown[] = Array.isArray(entry) ? entry : []
  if (!isCount(number) || typeof path !== 'string' || path.length > mostNameCharacters)
    throw refused('its entry is no ref')
  return { ...greeting, entry: [number, path] }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function reasonOf({ body }: Frame): string {
  const content: unknown = unpack(body)
  const isGiven = typeof content === 'object' && content !== null && 'reason' in content
  return isGiven ? String(content.reason).slice(0, mostNameCharacters) : 'it gave no reason'
}
