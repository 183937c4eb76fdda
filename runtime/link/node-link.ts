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
import { pack, unpack } from './message-pack.ts'
import { Session } from './session.ts'

/** A node that a session has begun with: once for each of its lives. */
export interface Peer extends Pick<Address, 'node' | 'nodeIncarnation'> {
  /** The ref that the other node gives to each node: all others come in messages. */
  readonly entry?: ActorRef<never>
}

export interface NodeLinkOptions {
  /** Given to every node that a session begins with. Its actor needs a decoder. */
  readonly entry?: ActorRef<never>
  readonly onPeer?: (peer: Peer) => void
  /** Longest frame. Default 64 KiB, and 256 KiB in the bulk lane. */
  readonly frameBytes?: PerLane
  /** Bytes that may be sent ahead of acknowledgements. Default 1 MiB. */
  readonly window?: PerLane
  /** Longest message. Default 256 MiB. */
  readonly mostMessageBytes?: number
  /** Frames that stay unacknowledged on a living route are sent again after this time. Default 2,000. */
  readonly resendAfterMs?: number
  /** A route on which the other node doesn't greet within this time is given up. Default 10,000. */
  readonly greetWithinMs?: number
}

/** What is known of the node at a route's other end, and its rights. */
export interface PeerRights {
  /** The name that the other end has proven; a greeting by another name is refused. Absent: whichever it says. */
  readonly node?: string
  /** Actors of this node obey its `stop`. A stranger's process should not have this right. */
  readonly mayStop: boolean
}

/** Joins an actor system to others, each with a name and an incarnation of its own. */
export interface NodeLink {
  /** Begins or resumes the session with a node, by a route that leads there. */
  dial(node: string, route: Route, rights: PeerRights): void
  /** Takes a route that another node has made: that node says which session it resumes. */
  accept(route: Route, rights: PeerRights): void
  /** Declares the present life of a node dead: watchers hear so, and it is refused from now on. */
  declareDead(node: string): void
  /**
   * Ends every session: the other nodes hear that this node has ended. A system that terminates with its link open tells of
   * each of its actors first that the actor has stopped.
   */
  close(): void
}

/** Spoken by the nodes that a session joins; another version is refused. */
const version = 1
const fromTheBeginning: PerLane = { control: 1, bulk: 1 }
const mostNameCharacters = 1000
const defaultFrameBytes: PerLane = { control: 64 * 1024, bulk: 256 * 1024 }
const defaultWindow: PerLane = { control: 1024 * 1024, bulk: 1024 * 1024 }

/** What the nodes at both ends of a new route tell each other, beside the numbers of the frame. */
interface Greeting {
  readonly version: number
  readonly node: string
  readonly incarnation: number
  /** The other node's life that the sender has a session with; 0 if none. */
  readonly peerIncarnation: number
  readonly epoch: number
  readonly entry?: readonly [number, string]
}

/** A route, and the session that it carries once both ends have greeted. */
interface Carrier {
  readonly route: Route
  readonly rights: PeerRights
  /** The node that was dialled. */
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
    /** The last life of a node that has ended, or was declared dead. */
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
      // A route that another one has replaced says nothing any more.
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

    /** The first frame of a route that another node has made. */
    function accepted(carrier: Carrier, frame: Frame): void {
      const greeting = greetingOf(frame)
      const { node, incarnation, peerIncarnation, epoch } = greeting
      if (carrier.rights.node !== undefined && carrier.rights.node !== node)
        throw linkError('LINK_HANDSHAKE', { node: carrier.rights.node, found: `it greets as ${node}` })
      const known = livingSession(node, incarnation)
      // Such a route was replaced before its greeting came.
      if (known && known.epoch >= epoch) return giveUp(carrier)
      const session = known ?? begin(greeting, carrier.rights)
      session.epoch = epoch
      carrier.session = session
      carrier.greeted?.()
      const isResumed = peerIncarnation === system.node.nodeIncarnation
      // Greets first: the other node can't read another frame before.
      greet('welcome', carrier, session, epoch)
      session.attach(carrier.route, isResumed ? frame : { ...frame, expected: fromTheBeginning })
      if (!known) announce(session, greeting)
    }

    /** The answer of a node that was dialled. */
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

    /** The session with this life of a node, if there is one; that with an earlier life ends. Throws for an ended life. */
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

    /** On a route that loses frames and lives on, the last ones may be missing without a gap. */
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

    /** The other node says that it has ended, or that it refuses this one. */
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

/** Reads a greeting that anybody may have sent. Throws LINK_HANDSHAKE, or LINK_VALUE. */
function greetingOf(frame: Frame): Greeting {
  const refused = (found: string) => linkError('LINK_HANDSHAKE', { node: 'unknown', found })
  const fields: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(Object(unpack(frame.body))))
  const { version: spoken, node, incarnation, peerIncarnation, epoch, entry } = fields
  if (spoken !== version) throw refused(`it speaks version ${String(spoken)}, and this node version ${version}`)
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
  return isGiven ? String(content.reason).slice(0, mostNameCharacters) : 'it says no reason'
}
