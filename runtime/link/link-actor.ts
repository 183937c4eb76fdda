import { isStoreTrouble } from '../durable/errors.ts'
import { addressee } from '../kernel/addressee.ts'
import type { ActorRef, ActorSystem, Behavior, Cancel } from '../kernel/protocol.ts'
import type { ConnectionMessage, DialledConnection, Dialler } from './connection.ts'
import { isLinkError, type LinkError, linkError } from './errors.ts'
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameKind,
  frameHeaderBytes,
  type LaneName,
  type PerLane,
  type Route,
} from './frame.ts'
import {
  type Challenge,
  closeBody,
  closeCause,
  decodeChallenge,
  decodeGreeting,
  type EntryName,
  encodeChallenge,
  encodeGreeting,
  entryIn,
  type Greeting,
  isSameNonce,
  nonceBytes,
  packRest,
  type RouteLanes,
  spokenVersion,
  version,
} from './greeting.ts'
import { FrameBuffers } from './lane.ts'
import type { NodeLinkOptions, Peer, PeerRights } from './protocol.ts'
import { Session } from './session.ts'

const fromTheBeginning: PerLane = { control: 1, bulk: 1 }
const defaultFrameBytes: PerLane = { control: 64 * 1024, bulk: 256 * 1024 }
const defaultWindow: PerLane = { control: 1024 * 1024, bulk: 1024 * 1024 }
/** Longest time between two looks at all sessions. */
const longestTickMs = 1000
/** Most ended lives that are remembered. */
const mostEnded = 10_000
/** Reasons of the other node after which it never hears this life of this node again. */
const endsLife: readonly string[] = ['LINK_INCARNATION', 'LINK_FRAME', 'LINK_VALUE']
/** Reasons after which dialling again has no use. */
const refusesForGood: readonly string[] = ['LINK_VERSION', 'LINK_TOKEN', 'LINK_NAME']
const noRights: PeerRights = { mayStop: false }
const lanesOf = { control: ['control'], bulk: ['bulk'], both: ['control', 'bulk'] } as const

/** A route that this node has made, and the other node's expected name. */
interface Dialled {
  readonly node?: string | undefined
  readonly token: string
  readonly lanes: RouteLanes
  readonly connection?: DialledConnection
  readonly attempt?: number
}

/** A route, with its session once both ends have greeted. */
interface Carrier {
  readonly route: Route
  readonly dialled?: Dialled
  readonly from: string
  /** Absent until the token was accepted. */
  readonly rights?: PeerRights
  readonly sinceMs: number
  /** `awaiting` the first message of the other end; `greeted`: this message is being answered. */
  state: 'awaiting' | 'greeted' | 'open' | 'closed'
  nonce: Uint8Array
  challenge?: Challenge
  /** Name of the other node, by its own claim. */
  claimed?: string
  /** Of a route that this node has made: the entry that it gives. */
  entry?: ActorRef<never> | undefined
  epoch: number
  member?: Member
  /** The session's progress when the route was opened. */
  progress: number
}

/** A node with which there is a session. */
interface Member {
  readonly session: Session
  readonly peer: Peer
  readonly identity: string
  rights: PeerRights
  readonly entry: ActorRef<never> | undefined
  connection?: DialledConnection | undefined
}

export type LinkMessage =
  | { readonly type: 'connect'; readonly connection: DialledConnection }
  | { readonly type: 'disconnect'; readonly connection: DialledConnection }
  | ConnectionMessage
  | { readonly type: 'dial'; readonly node: string; readonly route: Route; readonly rights: PeerRights }
  | { readonly type: 'accept'; readonly route: Route; readonly from: string; readonly rights?: PeerRights }
  | ({ readonly type: 'admitted'; readonly rights: PeerRights } & Hello)
  | ({ readonly type: 'denied'; readonly cause: unknown } & Hello)
  | { readonly type: 'heard'; readonly carrier: Carrier; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'lost'; readonly carrier: Carrier; readonly cause: Error | undefined }
  | { readonly type: 'flush'; readonly member: Member }
  | { readonly type: 'tick' }
  | { readonly type: 'declare-dead'; readonly node: string }

/** A hello that answers its challenge. Only its token must still be accepted. */
interface Hello {
  readonly carrier: Carrier
  readonly frame: Frame
  readonly greeting: Greeting
}

/** The actor that greets other nodes, and keeps the sessions with them. */
export function linkActor(system: ActorSystem, options: NodeLinkOptions): Behavior<LinkMessage> {
  const { frameBytes = defaultFrameBytes, window = defaultWindow, mostMessageBytes = 256 * 1024 * 1024 } = options
  const { resendAfterMs = 2000, greetWithinMs = 10_000, mostGreeting = 1000 } = options
  const { authenticate, randomBytes = platformBytes } = options
  const tickMs = Math.min(longestTickMs, Math.max(1, resendAfterMs / 2), Math.max(1, greetWithinMs / 2))
  const own = system.node

  return (context) => {
    const members = new Map<string, Member>()
    const buffers = new FrameBuffers()
    const connections = new Set<DialledConnection>()
    /** By node: the last life that has ended, or was declared dead. */
    const ended = new Map<string, number>()
    const flushes = new Set<Member>()
    /** Routes whose ends have not greeted each other yet, the oldest first. */
    const greetings = new Set<Carrier>()
    /** Number of these routes that other nodes have made. */
    let strangers = 0
    let lastEpoch = 0
    let stopTicks: Cancel | undefined
    const dialler: Dialler = {
      tell: (message) => context.self.tell(message),
      after: (delayMs, message) => context.after(delayMs, message),
      random: () => new DataView(Uint8Array.from(randomBytes(4)).buffer).getUint32(0) / 2 ** 32,
      dialWithinMs: greetWithinMs,
    }
    context.signal.addEventListener('abort', endAll, { once: true })

    return (message) => {
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
          return connection.isPresent(lane, attempt) ? connection.retry(lane, dialler, errorOf(cause)) : undefined
        }
        case 'dial': {
          const { node, route, rights } = message
          return listen(carrierOf(route, '', rights, { node, token: '', lanes: 'both' }))
        }
        case 'accept':
          return accept(message.route, message.from, message.rights)
        case 'admitted':
          return guarded(message.carrier, () => admitted(message, message.rights))
        case 'denied':
          return denied(message, message.cause)
        case 'heard':
          return guarded(message.carrier, () => heard(message.carrier, message.bytes))
        case 'lost':
          return lost(message.carrier, message.cause)
        case 'flush':
          return flush(message.member)
        case 'tick':
          return tick()
        case 'declare-dead': {
          const member = members.get(message.node)
          return member && end(member, 'declared dead', incarnationEnded(member.peer))
        }
      }
    }

    function carrierOf(route: Route, from: string, rights?: PeerRights, toDial?: Dialled): Carrier {
      return {
        ...{ route, from, sinceMs: context.clock.now(), state: 'awaiting', nonce: new Uint8Array() },
        ...{ epoch: 0, progress: 0 },
        ...(rights && { rights }),
        ...(toDial && { dialled: toDial }),
      }
    }

    function listen(carrier: Carrier): void {
      greetings.add(carrier)
      if (!carrier.dialled) strangers += 1
      stopTicks ??= context.every(tickMs, { type: 'tick' })
      carrier.route.listen({
        heard: (bytes) => context.self.tell({ type: 'heard', carrier, bytes }),
        lost: (cause) => context.self.tell({ type: 'lost', carrier, cause }),
      })
    }

    function accept(route: Route, from: string, rights?: PeerRights): void {
      const carrier = carrierOf(route, from, rights)
      if (strangers >= mostGreeting)
        return refuse(carrier, linkError('LINK_BUSY', { node: 'unknown', found: 'too many nodes greet at once' }))
      carrier.nonce = Uint8Array.from(randomBytes(nonceBytes))
      const { node, nodeIncarnation: incarnation } = own
      const challenge = { ...version, features: 0, node, incarnation, nonce: carrier.nonce }
      listen(carrier)
      route.send(frameOf('challenge', encodeChallenge(challenge)))
    }

    /** Runs a step of a carrier. An error of the step ends the session, or refuses the other node. */
    function guarded(carrier: Carrier, step: () => void): void {
      try {
        step()
      } catch (thrown) {
        const cause = isLinkError(thrown) ? thrown : handshakeError(nameOf(carrier), 'a fault of this node', thrown)
        if (carrier.state === 'closed') return
        if (carrier.state === 'open' && carrier.member) {
          end(carrier.member, cause.message, cause, cause)
          carrier.member.connection?.change('ended', cause)
        } else if (carrier.dialled) failed(carrier, cause)
        else refuse(carrier, cause)
      }
    }

    function heard(carrier: Carrier, bytes: Uint8Array<ArrayBuffer>): void {
      const { state, member, dialled } = carrier
      // Frames of a replaced route are ignored.
      if (state === 'closed' || (member && !member.session.isCarriedBy(carrier.route))) return
      const frame = decodeFrame(bytes, nameOf(carrier))
      if (frame.kind === 'close') return closed(carrier, frame)
      if (member) return heardOpen(member, frame)
      const [awaited, repeated] = dialled ? (['challenge', 'welcome'] as const) : (['hello', undefined] as const)
      const isFirst = state === 'awaiting' && frame.kind === awaited
      if (isFirst && dialled) return challenged(carrier, dialled, frame)
      if (isFirst) return greeted(carrier, frame)
      if (state === 'greeted' && dialled && frame.kind === repeated) return welcomed(carrier, dialled, frame)
      // A route may repeat a frame.
      if (state === 'greeted' && frame.kind === awaited) return
      throw handshakeError(nameOf(carrier), `it begins with a frame of the kind ${frame.kind}`)
    }

    function heardOpen(member: Member, frame: Frame): void {
      const { session } = member
      if (frame.kind === 'challenge' || frame.kind === 'hello' || frame.kind === 'welcome') return
      if (frame.kind === 'wanted') return void member.connection?.dial('bulk', dialler)
      session.heard(frame)
    }

    /** Answers the challenge of a node that this node has dialled. */
    function challenged(carrier: Carrier, { node, token, lanes, connection }: Dialled, frame: Frame): void {
      const challenge = decodeChallenge(frame.body)
      const major = spokenVersion(challenge)
      carrier.claimed = challenge.node
      if (challenge.node !== (node ?? challenge.node)) throw nameError(node ?? '', `${challenge.node} has answered`)
      const known = members.get(challenge.node)
      const member = known?.peer.nodeIncarnation === challenge.incarnation ? known : undefined
      if (lanes === 'bulk' && !member) throw handshakeError(challenge.node, 'there is no session for its bulk lane')
      lastEpoch += 1
      carrier.state = 'greeted'
      carrier.challenge = challenge
      carrier.nonce = challenge.nonce
      carrier.epoch = lastEpoch
      carrier.entry = member ? member.entry : entryFor(carrier.rights, challenge)
      if (connection) connection.node = challenge.node
      carrier.route.send(greetingFrame('hello', { ...carrier, major, lanes, token, member }))
    }

    /** Takes the answer of a node that this node has dialled, and has greeted. */
    function welcomed(carrier: Carrier, { lanes, connection }: Dialled, frame: Frame): void {
      const { node, incarnation, nonce, epoch, rest } = decodeGreeting(frame.body)
      const { challenge, rights = noRights } = carrier
      const isAnswer = isSameNonce(nonce, carrier.nonce) && epoch === carrier.epoch
      if (!isAnswer || node !== challenge?.node || incarnation !== challenge.incarnation)
        throw handshakeError(nameOf(carrier), 'its welcome answers another greeting')
      const identity = rights.identity ?? rights.node ?? node
      const known = livingMember(node, incarnation, identity)
      if (known && lanesOf[lanes].some((lane) => known.session.epochs[lane] > epoch)) return shut(carrier)
      if (!known && lanes === 'bulk') throw handshakeError(node, 'there is no session for its bulk lane')
      const member = known ?? begin({ node, incarnation }, { identity, rights, given: entryIn(rest) }, carrier.entry)
      member.connection = connection
      attach(carrier, member, lanes, frame)
      if (!known) options.onPeer?.(member.peer)
      if (lanes !== 'bulk') connection?.change('open')
    }

    /** Takes the greeting of a node that has made a route, and finds out who the node is. */
    function greeted(carrier: Carrier, frame: Frame): void {
      const hello = decodeGreeting(frame.body)
      const { node, nonce, token } = hello
      carrier.claimed = node
      carrier.state = 'greeted'
      if (!isSameNonce(nonce, carrier.nonce)) throw linkError('LINK_REPLAY', { node })
      if (carrier.rights) return admitted({ carrier, frame, greeting: hello }, carrier.rights)
      const { from } = carrier
      const decided = new Promise<PeerRights>((resolve, reject) => {
        if (authenticate) resolve(authenticate({ token, node, from }))
        else reject(new Error('this node lets no nodes in by their tokens'))
      })
      context.track(decided).then(
        (rights) => context.self.tell({ type: 'admitted', carrier, frame, greeting: hello, rights }),
        (cause: unknown) => context.self.tell({ type: 'denied', carrier, frame, greeting: hello, cause }),
      )
    }

    function denied({ carrier, greeting: { node } }: Hello, cause: unknown): void {
      if (carrier.state === 'closed') return
      if (isStoreTrouble(cause))
        refuse(carrier, linkError('LINK_BUSY', { node, found: 'a store is in trouble' }, { cause }))
      else refuse(carrier, linkError('LINK_TOKEN', { node }, { cause }))
    }

    /** Begins or resumes the session with a node whose token was accepted. */
    function admitted({ carrier, frame, greeting: hello }: Hello, rights: PeerRights): void {
      if (carrier.state === 'closed') return
      const { node, incarnation, peerIncarnation, epoch, lanes, token } = hello
      if (node !== (rights.node ?? node)) throw nameError(node, `its token is for ${rights.node}`)
      const isResumed = peerIncarnation === own.nodeIncarnation
      const identity = rights.identity ?? rights.node ?? (carrier.rights ? node : `token ${token}`)
      const known = livingMember(node, incarnation, identity)
      if (!known && isResumed) throw incarnationEnded({ node, nodeIncarnation: incarnation })
      if (!known && lanes === 'bulk') throw handshakeError(node, 'there is no session for its bulk lane')
      // This route was replaced before its greeting arrived.
      if (known && lanesOf[lanes].some((lane) => known.session.epochs[lane] >= epoch)) return shut(carrier)
      const member = known ?? begin({ node, incarnation }, { identity, rights, given: entryIn(hello.rest) })
      member.rights = rights
      carrier.epoch = epoch
      // Greets first, since the other node can't read another frame before.
      carrier.route.send(
        greetingFrame('welcome', { ...carrier, major: hello.major, lanes, member, token: '', entry: member.entry }),
      )
      attach(carrier, member, lanes, isResumed ? frame : { ...frame, expected: fromTheBeginning })
      if (!known) options.onPeer?.(member.peer)
    }

    /**
     * The session with this life of a node, if any. Ends the session with an earlier life. Throws for an ended life, and
     * for another node of the same name.
     */
    function livingMember(node: string, incarnation: number, identity: string): Member | undefined {
      if (node === own.node) throw nameError(node, 'both nodes have this name')
      const member = members.get(node)
      if (member && member.identity !== identity) throw nameError(node, 'another node of this name has a session')
      const last = Math.max(ended.get(lifeOf(node, identity)) ?? -1, (member?.peer.nodeIncarnation ?? 0) - 1)
      if (incarnation <= last) throw incarnationEnded({ node, nodeIncarnation: incarnation })
      if (!member || member.peer.nodeIncarnation === incarnation) return member
      // Its connection continues with the new life.
      member.connection = undefined
      end(member, `its incarnation ${incarnation} has begun`, incarnationEnded(member.peer))
      return undefined
    }

    function entryFor(
      rights: PeerRights | undefined,
      { node, incarnation }: Pick<Greeting, 'node' | 'incarnation'>,
      given?: ActorRef<never>,
    ) {
      const peer: Peer = { node, nodeIncarnation: incarnation, ...(given && { entry: given }) }
      return rights?.entry?.(peer) ?? options.entry
    }

    function begin(
      life: Pick<Greeting, 'node' | 'incarnation'>,
      other: { identity: string; rights: PeerRights; given: EntryName | undefined },
      ownEntry?: ActorRef<never>,
    ): Member {
      const { node, incarnation } = life
      const { identity, rights, given } = other
      const settings = {
        frameBytes: { control: frameBytes.control - frameHeaderBytes, bulk: frameBytes.bulk - frameHeaderBytes },
        window,
        mostMessageBytes,
        mayStop: rights.mayStop,
        buffers,
      }
      const session = new Session({ node, nodeIncarnation: incarnation }, system, settings, () => {
        if (flushes.has(member)) return
        flushes.add(member)
        context.self.tell({ type: 'flush', member })
      })
      const peer: Peer = { ...session.peer, ...(given && { entry: session.import(...given) }) }
      const entry = ownEntry ?? entryFor(rights, life, peer.entry)
      const member: Member = { session, peer, identity, rights, entry }
      if (entry) session.export(entry)
      members.set(node, member)
      return member
    }

    function attach(carrier: Carrier, member: Member, lanes: RouteLanes, frame: Frame): void {
      const { session, rights } = member
      const isResumed = lanes !== 'bulk' && session.epochs.control > 0 && !session.isAttached
      forget(carrier)
      carrier.state = 'open'
      carrier.member = member
      carrier.progress = session.progress
      for (const lane of lanesOf[lanes]) session.epochs[lane] = carrier.epoch
      session.attach(lanesOf[lanes], carrier.route, frame)
      if (isResumed) rights.detached?.(false)
    }

    function flush(member: Member): void {
      flushes.delete(member)
      member.session.flush()
      wish(member)
    }

    /** Sees to a bulk route as soon as there is something to send on it. */
    function wish({ session, connection }: Member): void {
      if (!session.wantsBulk || !session.isAttached) return
      if (connection) connection.dial('bulk', dialler)
      else session.askForBulk()
    }

    /** One timer looks at all routes and sessions. */
    function tick(): void {
      const nowMs = context.clock.now()
      for (const carrier of greetings) {
        if (nowMs - carrier.sinceMs < greetWithinMs) break
        guarded(carrier, () => {
          throw handshakeError(nameOf(carrier), `it has not greeted in ${greetWithinMs} ms`)
        })
      }
      for (const member of members.values()) {
        member.session.look(nowMs, resendAfterMs)
        wish(member)
      }
      if (greetings.size > 0 || members.size > 0) return
      stopTicks?.()
      stopTicks = undefined
    }

    function dialled({ connection, lane, attempt, route }: Extract<LinkMessage, { type: 'dialled' }>): void {
      if (!connection.take(lane, attempt)) return route.close()
      const { token = '', rights } = connection.options
      const lanes = lane === 'control' && route.carriesBothLanes ? 'both' : lane
      listen(carrierOf(route, '', rights, { node: connection.options.node, token, lanes, connection, attempt }))
    }

    function redial(connection: DialledConnection, lane: LaneName): void {
      const session = memberOf(connection)?.session
      if (lane === 'control' || (session?.isAttached && session.wantsBulk)) connection.redial(lane, dialler)
      else connection.rest(lane)
    }

    function memberOf(connection: DialledConnection): Member | undefined {
      const member = connection.node === undefined ? undefined : members.get(connection.node)
      return member?.connection === connection ? member : undefined
    }

    function disconnect(connection: DialledConnection): void {
      const member = memberOf(connection)
      connections.delete(connection)
      connection.change('ended')
      if (member)
        end(member, 'this node has closed the connection', nodeEnded(own.node, 'it has closed the connection'))
    }

    function forget(carrier: Carrier): void {
      if (greetings.delete(carrier) && !carrier.dialled) strangers -= 1
    }

    /** Closes a route, or takes note that it is closed. Its session waits for another. */
    function shut(carrier: Carrier): void {
      const { route, member } = carrier
      forget(carrier)
      carrier.state = 'closed'
      route.close()
      if (!member?.session.isCarriedBy(route)) return
      const wasAttached = member.session.isAttached
      member.session.detach(route)
      if (wasAttached && !member.session.isAttached) member.rights.detached?.(true)
    }

    /** After the loss of a route that this node has made, the connection makes another. */
    function lost(carrier: Carrier, cause?: Error): void {
      const { state, dialled: made, member } = carrier
      if (state === 'closed') return
      shut(carrier)
      const { connection, attempt = 0 } = made ?? {}
      const lane = made?.lanes === 'bulk' ? 'bulk' : 'control'
      if (!connection?.isPresent(lane, attempt)) return
      if (state === 'open')
        connection.fared(lane, context.clock.now() - carrier.sinceMs, member?.session.progress !== carrier.progress)
      connection.retry(lane, dialler, cause)
    }

    /** The other node reports that it has ended, or that it refuses this node. */
    function closed(carrier: Carrier, { body }: Frame): void {
      const { dialled: made, member } = carrier
      // A stranger has nothing to say.
      if (!made && !member) return shut(carrier)
      const cause = closeCause(body, nameOf(carrier))
      const { code } = cause
      if (endsLife.includes(code)) made?.connection?.change('ended', cause)
      const isEnd = endsLife.includes(code) || (member && code === 'LINK_NODE_ENDED')
      if (isEnd) endOf(member ?? members.get(nameOf(carrier)), cause)
      failed(carrier, cause)
    }

    /** This node has dialled, and can't go on with the route, or not with the other node at all. */
    function failed(carrier: Carrier, cause: LinkError): void {
      const connection = carrier.dialled?.connection
      if (refusesForGood.includes(cause.code)) connection?.change('refused', cause)
      if (connection?.state === 'refused') endOf(memberOf(connection), cause)
      lost(carrier, cause)
    }

    function endOf(member: Member | undefined, cause: Error): void {
      if (member) end(member, cause.message)
    }

    function refuse(carrier: Carrier, cause: Error): void {
      carrier.route.send(closeFrame(cause))
      shut(carrier)
      const { from, claimed } = carrier
      options.onRefused?.({ from, cause, ...(claimed !== undefined && { node: claimed }) })
    }

    /** Ends the session with a life of a node for good. The other node hears the farewell, if a route is left. */
    function end(member: Member, reason: string, farewell?: Error, cause?: Error): void {
      const { session, identity, connection } = member
      const { node, nodeIncarnation } = session.peer
      members.delete(node)
      remember(lifeOf(node, identity), nodeIncarnation)
      session.end(nodeEnded(node, reason, cause), farewell && closeFrame(farewell))
      connection?.rest('bulk')
      if (connection && !connection.isOver) connection.retry('control', dialler)
    }

    function remember(life: string, incarnation: number): void {
      ended.delete(life)
      ended.set(life, incarnation)
      const [oldest] = ended.size > mostEnded ? ended.keys() : []
      if (oldest !== undefined) ended.delete(oldest)
    }

    function endAll(): void {
      stopTicks?.()
      for (const connection of connections) connection.change('ended')
      for (const carrier of [...greetings]) shut(carrier)
      for (const { session } of [...members.values()]) {
        session.flush()
        const reason = `the link of ${own.node} was closed`
        session.end(nodeEnded(session.peer.node, reason), closeFrame(nodeEnded(own.node, 'it was stopped')))
      }
      members.clear()
    }

    function greetingFrame(kind: 'hello' | 'welcome', say: Said): Uint8Array<ArrayBuffer> {
      const { major, lanes, epoch, nonce, token, member, entry } = say
      const body = encodeGreeting({
        ...{ major, minor: version.minor, features: 0, lanes, epoch, nonce, token },
        ...{ node: own.node, incarnation: own.nodeIncarnation },
        peerIncarnation: member?.peer.nodeIncarnation ?? 0,
        rest: packRest(entry && entryName(entry)),
      })
      return frameOf(kind, body, member?.session.expected)
    }

    function closeFrame(cause: Error): Uint8Array<ArrayBuffer> {
      return frameOf('close', closeBody(cause))
    }

    function frameOf(
      kind: FrameKind,
      body: Uint8Array<ArrayBuffer>,
      expected = fromTheBeginning,
    ): Uint8Array<ArrayBuffer> {
      const plain = { lane: 'control', isPart: false, count: 0, first: 0 } as const
      return encodeFrame({ ...plain, kind, expected, window, body })
    }
  }
}

/** What a greeting says besides facts of this node. */
interface Said extends Pick<Greeting, 'major' | 'lanes' | 'epoch' | 'nonce' | 'token'> {
  readonly member: Member | undefined
  readonly entry?: ActorRef<never> | undefined
}

function nameOf({ member, claimed, dialled }: Carrier): string {
  return member?.peer.node ?? claimed ?? dialled?.node ?? 'unknown'
}

function lifeOf(node: string, identity: string): string {
  return `${node}\n${identity}`
}

function entryName(ref: ActorRef<never>): EntryName {
  const { number, path } = addressee(ref)
  return [number, path]
}

function platformBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count))
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

function nodeEnded(node: string, reason: string, cause?: Error): LinkError {
  return linkError('LINK_NODE_ENDED', { node, reason }, cause && { cause })
}

function nameError(node: string, found: string): LinkError {
  return linkError('LINK_NAME', { node, found })
}

function handshakeError(node: string, found: string, cause?: unknown): LinkError {
  return linkError('LINK_HANDSHAKE', { node, found }, { cause })
}

function incarnationEnded({ node, nodeIncarnation }: Peer): LinkError {
  return linkError('LINK_INCARNATION', { node, incarnation: nodeIncarnation })
}
