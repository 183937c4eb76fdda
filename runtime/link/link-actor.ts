import { isStoreTrouble } from '../durable/errors.ts'
import type { ActorSystem, Behavior, Cancel } from '../kernel/protocol.ts'
import type { ConnectionMessage, DialledConnection, Dialler } from './connection.ts'
import { isLinkError, type LinkError, linkError } from './errors.ts'
import {
  encodeFrame,
  type Frame,
  type FrameKind,
  frameHeaderBytes,
  isBeat,
  type LaneName,
  type PerLane,
  type Route,
} from './frame.ts'
import {
  closeBody,
  closeCause,
  decodeChallenge,
  decodeGreeting,
  encodeChallenge,
  encodeGreeting,
  entryIn,
  features,
  type Greeting,
  isSameNonce,
  nonceBytes,
  packRest,
  type RouteLanes,
  spokenVersion,
  version,
} from './greeting.ts'
import { FrameBuffers } from './lane.ts'
import {
  type Carrier,
  type Dialled,
  entryName,
  handshakeError,
  incarnationEnded,
  type Member,
  Members,
  nameError,
  nameOf,
  nodeEnded,
} from './member.ts'
import type { Disturbance, NodeLinkOptions, PeerRights } from './protocol.ts'
import { Quarantine } from './quarantine.ts'
import { SealedRoute } from './sealed-route.ts'
import { keep, Slots } from './slots.ts'

const fromTheBeginning: PerLane = { control: 1, bulk: 1 }
const defaultFrameBytes: PerLane = { control: 64 * 1024, bulk: 256 * 1024 }
const defaultWindow: PerLane = { control: 1024 * 1024, bulk: 1024 * 1024 }
const defaultQueue: PerLane = { control: 64 * 1024 * 1024, bulk: 1024 * 1024 * 1024 }
/** Longest time between two looks at all sessions. */
const longestTickMs = 1000
/** A longer time without a look means that this machine has slept, or this process was stopped. */
const longPauseMs = 5000
/** A bulk route is replaced if frames were sent again this often, and none was acknowledged. */
const mostResends = 4
/** The frames that one route may repeat while it is greeted. */
const mostRepeated = 8
/** Reasons of the other node after which it never hears this life of this node again. */
const endsLife: readonly string[] = ['LINK_INCARNATION', 'LINK_FRAME', 'LINK_VALUE']
/** Reasons after which dialling again has no use. */
const refusesForGood: readonly string[] = ['LINK_VERSION', 'LINK_TOKEN', 'LINK_NAME']
/** Reasons of this node that count towards the quarantine of the address, as long as nobody is known to be there. */
const counts: readonly string[] = [
  'LINK_TOKEN',
  'LINK_REPLAY',
  'LINK_HANDSHAKE',
  'LINK_FRAME',
  'LINK_VALUE',
  'LINK_DAMAGED',
]
const noNonce = new Uint8Array()
const noRights: PeerRights = { mayStop: false }
const lanesOf = { control: ['control'], bulk: ['bulk'], both: ['control', 'bulk'] } as const

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
  | { readonly type: 'doubted'; readonly carrier: Carrier }
  | { readonly type: 'flush'; readonly member: Member }
  | { readonly type: 'tick' }
  | { readonly type: 'slots-overdue' }
  | { readonly type: 'declare-dead'; readonly node: string }
  | { readonly type: 'disturb'; readonly node: string; readonly how: Disturbance }

/** A hello that answers its challenge. Only its token must still be accepted. */
interface Hello {
  readonly carrier: Carrier
  readonly frame: Frame
  readonly greeting: Greeting
}

/** The actor that greets other nodes, and keeps the sessions with them. */
export function linkActor(system: ActorSystem, options: NodeLinkOptions): Behavior<LinkMessage> {
  const { frameBytes = defaultFrameBytes, window = defaultWindow, mostMessageBytes = 256 * 1024 * 1024 } = options
  const { queue = defaultQueue, slots: slotCount = 2, slotFromBytes = 1024 * 1024, slotPatienceMs = 1000 } = options
  const { resendAfterMs = 2000, greetWithinMs = 10_000, mostGreeting = 1000 } = options
  const { beatEveryMs = 30_000, deadAfterMs = 20 * 60_000, suspectMs = { least: 4000, most: 60_000 } } = options
  const { authenticate, codec, checkSums = 'relayed', randomBytes = platformBytes } = options
  const shortest = Math.min(resendAfterMs, greetWithinMs, beatEveryMs, suspectMs.least)
  const tickMs = Math.min(longestTickMs, Math.max(1, shortest / 2))
  const own = system.node

  return (context) => {
    const flushes = new Set<Member>()
    const slots = new Slots(slotCount, { start: () => context.after(slotPatienceMs, { type: 'slots-overdue' }) })
    // Nobody will release a message that wasn't delivered.
    const unsubscribe = system.deadLetters.subscribe(({ message }) => keep(message))
    context.signal.addEventListener('abort', unsubscribe, { once: true })
    const members = new Members(system, {
      frameBytes: { control: frameBytes.control - frameHeaderBytes, bulk: frameBytes.bulk - frameHeaderBytes },
      window,
      mostMessageBytes,
      buffers: new FrameBuffers(),
      slots,
      slotFromBytes,
      queue,
      entry: options.entry,
      silence: { leastMs: suspectMs.least, mostMs: suspectMs.most },
      wake(member) {
        if (flushes.has(member)) return
        flushes.add(member)
        context.self.tell({ type: 'flush', member })
      },
    })
    const connections = new Set<DialledConnection>()
    const quarantine = new Quarantine()
    /** Routes whose ends have not greeted each other yet, the oldest first. */
    const greetings = new Set<Carrier>()
    /** Number of these routes that other nodes have made. */
    let strangers = 0
    let lastEpoch = 0
    let stopTicks: Cancel | undefined
    let lastTickMs = 0
    const now = () => context.clock.now()
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
          if (!connection.isPresent(lane, attempt)) return
          const late = () => handshakeError(connection.node ?? 'unknown', `no route in ${greetWithinMs} ms`)
          return connection.retry(lane, dialler, cause === undefined ? late() : errorOf(cause))
        }
        case 'dial': {
          const { node, route, rights } = message
          return listen(carrierOf(route, '', rights, { node, token: '', lanes: 'both', attempt: 0 }))
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
        case 'doubted':
          return doubted(message.carrier)
        case 'flush':
          return flush(message.member)
        case 'slots-overdue':
          return slots.overdue()
        case 'tick':
          return tick()
        case 'declare-dead': {
          const member = members.get(message.node)
          return member && end(member, 'declared dead', incarnationEnded(member.peer))
        }
        case 'disturb':
          return disturb(members.get(message.node), message.how)
      }
    }

    function carrierOf(route: Route, from: string, rights?: PeerRights, toDial?: Dialled): Carrier {
      return {
        route: new SealedRoute(route),
        from,
        sinceMs: now(),
        state: 'awaiting',
        nonce: noNonce,
        epoch: 0,
        progress: 0,
        ...(rights && { rights }),
        ...(toDial && { dialled: toDial }),
      }
    }

    function listen(carrier: Carrier): void {
      greetings.add(carrier)
      if (!carrier.dialled) strangers += 1
      if (!stopTicks) {
        lastTickMs = now()
        stopTicks = context.every(tickMs, { type: 'tick' })
      }
      carrier.route.route.listen({
        heard(bytes) {
          // Answered here, since a turn of the actor may come late in a hidden page.
          if (isBeat(bytes)) carrier.member?.session.answerBeat()
          arrive(carrier, bytes)
        },
        lost: (cause) => context.self.tell({ type: 'lost', carrier, cause }),
        doubted: () => context.self.tell({ type: 'doubted', carrier }),
      })
    }

    /** Challenges a node that has made a route. */
    function accept(route: Route, from: string, rights?: PeerRights): void {
      const carrier = carrierOf(route, from, rights)
      if (isQuarantined(carrier, addressName(from))) return
      if (strangers >= mostGreeting)
        // Not reported, or a flood of strangers would flood the audit log.
        return refuse(carrier, linkError('LINK_BUSY', { node: 'unknown', found: 'too many nodes greet at once' }), true)
      carrier.nonce = Uint8Array.from(randomBytes(nonceBytes))
      const { node, nodeIncarnation: incarnation } = own
      const challenge = { ...version, features: offered(route), node, incarnation, nonce: carrier.nonce }
      listen(carrier)
      carrier.route.send(frameOf('challenge', encodeChallenge(challenge)))
    }

    /** Features that this node has, or wants for a route. */
    function offered(route: Route): number {
      const wantsSums = checkSums === 'always' || route.isRelayed === true
      return features.checkSums | (wantsSums ? features.wantsCheckSums : 0) | (codec ? features.deflate : 0)
    }

    function agree({ route }: Carrier, agreed: number): void {
      const isChecked = (agreed & features.checkSums) !== 0
      route.agree({ isChecked, codec: agreed & features.deflate ? codec : undefined })
    }

    /** Runs a step of a carrier. An error of the step ends the session, or refuses the other node. */
    function guarded(carrier: Carrier, step: () => void): void {
      try {
        step()
      } catch (thrown) {
        const cause = isLinkError(thrown) ? thrown : handshakeError(nameOf(carrier), 'a fault of this node', thrown)
        const { state, member, dialled: made } = carrier
        if (state === 'closed') return
        if (made && !member) return failed(carrier, cause)
        if (!member) return refuse(carrier, cause)
        // The next route brings the frame again.
        if (cause.code === 'LINK_DAMAGED') return lost(carrier, cause)
        member.connection?.change('ended', cause)
        if (carrier.from !== '') quarantine.fault(identityName(member.identity), now())
        end(member, cause.message, cause, cause)
      }
    }

    function heard(carrier: Carrier, bytes: Uint8Array<ArrayBuffer>): void {
      const { state, member, dialled: made } = carrier
      // Frames of a replaced route are ignored.
      if (state === 'closed' || (member && !member.session.isCarriedBy(carrier.route))) return
      const frame = carrier.route.read(bytes, nameOf(carrier))
      if (frame.kind === 'close') return closed(carrier, frame)
      if (member) return heardOpen(carrier, member, frame)
      const first = made ? 'challenge' : 'hello'
      if (state === 'awaiting' && frame.kind === first)
        return made ? challenged(carrier, made, frame) : greeted(carrier, frame)
      if (state === 'greeted' && made && frame.kind === 'welcome') return welcomed(carrier, made, frame)
      // A route may repeat a frame.
      carrier.progress += 1
      if (state === 'greeted' && frame.kind === first && carrier.progress <= mostRepeated) return
      throw handshakeError(nameOf(carrier), `it begins with a frame of the kind ${frame.kind}`)
    }

    function heardOpen(carrier: Carrier, member: Member, frame: Frame): void {
      const { session, silence, connection } = member
      if (member.carriers.control === carrier) silence.heard(now())
      if (frame.kind === 'challenge' || frame.kind === 'hello' || frame.kind === 'welcome') return
      if (frame.kind !== 'wanted') return session.heard(frame)
      // The other node has lost the bulk route, even if this node hasn't noticed.
      const { bulk } = member.carriers
      if (bulk?.state === 'open' && bulk.epoch === frame.first) lost(bulk)
      else connection?.dial('bulk', dialler)
    }

    /** Answers the challenge of a node that this node has dialled. */
    function challenged(carrier: Carrier, { node: expected, token, lanes, connection }: Dialled, frame: Frame): void {
      const challenge = decodeChallenge(frame.body)
      const major = spokenVersion(challenge)
      const { node, incarnation, nonce } = challenge
      carrier.claimed = { node, incarnation }
      if (node !== (expected ?? node)) throw nameError(node, `${expected} was expected`)
      const known = members.get(node)
      const member = known?.peer.nodeIncarnation === incarnation ? known : undefined
      if (lanes === 'bulk' && !member) throw handshakeError(node, 'there is no session for its bulk lane')
      lastEpoch += 1
      carrier.state = 'greeted'
      carrier.nonce = nonce
      carrier.epoch = lastEpoch
      const { rights = noRights } = carrier
      carrier.entry = member ? member.entry : members.entryFor({ rights }, { node, nodeIncarnation: incarnation })
      if (connection) connection.node = node
      const has = offered(carrier.route.route)
      const wantsSums = (has | challenge.features) & features.wantsCheckSums ? features.checkSums : 0
      const wanted = has & challenge.features & (features.deflate | wantsSums)
      carrier.route.send(greetingFrame('hello', carrier, { major, lanes, token, features: wanted }, member))
    }

    /** Takes the answer of a node that this node has dialled, and has greeted. */
    function welcomed(carrier: Carrier, { lanes, connection }: Dialled, frame: Frame): void {
      const { node, incarnation, nonce, epoch, rest, features: agreed } = decodeGreeting(frame.body)
      const { claimed, entry, rights = noRights } = carrier
      const isAnswer = isSameNonce(nonce, carrier.nonce) && epoch === carrier.epoch
      if (!isAnswer || node !== claimed?.node || incarnation !== claimed.incarnation)
        throw handshakeError(nameOf(carrier), 'its welcome answers another greeting')
      const identity = rights.identity ?? rights.node ?? node
      const known = members.living({ node, incarnation, identity }, replace)
      if (known && lanesOf[lanes].some((lane) => known.session.epochs[lane] > epoch)) return shut(carrier)
      if (!known && lanes === 'bulk') throw handshakeError(node, 'there is no session for its bulk lane')
      const newcomer = { node, incarnation, identity, rights, given: entryIn(rest), entry, isDialled: true }
      const member = known ?? members.begin(newcomer, now())
      member.connection = connection
      agree(carrier, agreed)
      attach(carrier, member, lanes, frame)
      if (!known) options.onPeer?.(member.peer)
      if (lanes !== 'bulk') connection?.change('open')
    }

    /** Takes the greeting of a node that has made a route, and finds out who the node is. */
    function greeted(carrier: Carrier, frame: Frame): void {
      const greeting = decodeGreeting(frame.body)
      const { node, incarnation, nonce, token } = greeting
      carrier.claimed = { node, incarnation }
      carrier.state = 'greeted'
      if (!isSameNonce(nonce, carrier.nonce)) throw linkError('LINK_REPLAY', { node })
      if (carrier.rights) return admitted({ carrier, frame, greeting }, carrier.rights)
      const { from } = carrier
      const decided = new Promise<PeerRights>((resolve, reject) => {
        if (authenticate) resolve(authenticate({ token, node, from }))
        else reject(new Error('this node lets no nodes in by their tokens'))
      })
      context.track(decided).then(
        (rights) => context.self.tell({ type: 'admitted', carrier, frame, greeting, rights }),
        (cause: unknown) => context.self.tell({ type: 'denied', carrier, frame, greeting, cause }),
      )
    }

    function denied({ carrier, greeting: { node } }: Hello, cause: unknown): void {
      if (carrier.state === 'closed') return
      if (isStoreTrouble(cause))
        refuse(carrier, linkError('LINK_BUSY', { node, found: 'a store is in trouble' }, { cause }))
      else refuse(carrier, linkError('LINK_TOKEN', { node }, { cause }))
    }

    /** Begins or resumes the session with a node whose token was accepted. */
    function admitted({ carrier, frame, greeting }: Hello, rights: PeerRights): void {
      if (carrier.state === 'closed') return
      const { node, incarnation, peerIncarnation, epoch, major, lanes, token } = greeting
      const identity = rights.identity ?? rights.node ?? (carrier.rights ? node : `token ${token}`)
      if (isQuarantined(carrier, identityName(identity))) return
      quarantine.forgive(addressName(carrier.from))
      if (node !== (rights.node ?? node)) throw nameError(node, `its token is for ${rights.node}`)
      const known = members.living({ node, incarnation, identity }, replace)
      const isResumed = peerIncarnation === own.nodeIncarnation
      if (known ? !isResumed && known.session.hasBegun : isResumed) {
        if (known) end(known, 'it has forgotten the session', incarnationEnded(known.peer))
        throw incarnationEnded({ node, nodeIncarnation: incarnation })
      }
      if (!known && lanes === 'bulk') throw handshakeError(node, 'there is no session for its bulk lane')
      // This route was replaced before its greeting arrived.
      if (known && lanesOf[lanes].some((lane) => known.session.epochs[lane] >= epoch)) return shut(carrier)
      const newcomer = { node, incarnation, identity, rights, given: entryIn(greeting.rest), isDialled: false }
      const member = known ?? members.begin(newcomer, now())
      member.rights = rights
      carrier.epoch = epoch
      carrier.entry = member.entry
      const agreed = greeting.features & offered(carrier.route.route)
      // Greets first, since the other node can't read another frame before.
      carrier.route.send(greetingFrame('welcome', carrier, { major, lanes, token: '', features: agreed }, member))
      agree(carrier, agreed)
      attach(carrier, member, lanes, isResumed ? frame : { ...frame, expected: fromTheBeginning })
      if (!known) options.onPeer?.(member.peer)
    }

    function attach(carrier: Carrier, member: Member, lanes: RouteLanes, frame: Frame): void {
      const { session, rights, silence, carriers } = member
      forget(carrier)
      carrier.state = 'open'
      carrier.member = member
      carrier.nonce = noNonce
      carrier.progress = session.progress
      for (const lane of lanesOf[lanes]) {
        carriers[lane] = carrier
        session.epochs[lane] = carrier.epoch
      }
      if (lanes !== 'bulk') silence.begin(now())
      session.attach(lanesOf[lanes], carrier.route, frame)
      if (lanes === 'bulk' || member.detachedSinceMs === undefined) return
      member.detachedSinceMs = undefined
      rights.detached?.(false)
    }

    function flush(member: Member): void {
      flushes.delete(member)
      const { session, silence } = member
      session.flush()
      if (session.awaitsAnswer) silence.expect(now())
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
      const nowMs = now()
      const pauseMs = nowMs - lastTickMs - tickMs
      lastTickMs = nowMs
      if (pauseMs > longPauseMs) resume(nowMs, pauseMs)
      for (const carrier of greetings) {
        if (nowMs - carrier.sinceMs < greetWithinMs) break
        guarded(carrier, () => {
          throw handshakeError(nameOf(carrier), `it has not greeted in ${greetWithinMs} ms`)
        })
      }
      for (const member of members.all) look(member, nowMs)
      if (greetings.size > 0 || members.size > 0) return
      stopTicks?.()
      stopTicks = undefined
    }

    /** After a sleep of this machine, nothing is held against nodes that could not be heard. */
    function resume(nowMs: number, pauseMs: number): void {
      for (const member of members.all) {
        member.silence.begin(nowMs)
        if (member.detachedSinceMs !== undefined) member.detachedSinceMs += pauseMs
      }
    }

    /** Sends again what was lost, asks a silent node for a frame, and gives up a route whose node stays silent. */
    function look(member: Member, nowMs: number): void {
      const { session, silence, carriers, isDialled, connection, detachedSinceMs } = member
      if (detachedSinceMs !== undefined) {
        const limitMs = isDialled ? connection?.options.deadAfterMs : deadAfterMs
        if (nowMs - detachedSinceMs < (limitMs ?? Number.POSITIVE_INFINITY)) return
        return end(member, `it had no route for ${limitMs} ms`)
      }
      const silentMs = silence.suspectedMs(nowMs)
      if (silentMs !== undefined && carriers.control)
        return lost(
          carriers.control,
          linkError('LINK_SILENT', { node: member.peer.node, silentMs: Math.round(silentMs) }),
        )
      session.look(nowMs, resendAfterMs)
      if (carriers.bulk && carriers.bulk !== carriers.control && session.resends('bulk') > mostResends)
        lost(carriers.bulk)
      wish(member)
      // The accepting end beats, since timers of a hidden page rest. The dialling end asks if it misses the beats.
      if (silence.isAwaited || silence.quietMs(nowMs) < (isDialled ? 1.5 : 1) * beatEveryMs) return
      session.beat()
      silence.expect(nowMs)
    }

    function doubted({ member, state }: Carrier): void {
      if (!member || state !== 'open') return
      member.session.beat()
      member.silence.doubt(now())
    }

    function dialled({ connection, lane, attempt, route }: Extract<LinkMessage, { type: 'dialled' }>): void {
      if (!connection.take(lane, attempt)) return route.close()
      const { node, token = '', rights } = connection.options
      const lanes = lane === 'control' && route.carriesBothLanes ? 'both' : lane
      listen(carrierOf(route, '', rights, { node, token, lanes, connection, attempt }))
    }

    function redial(connection: DialledConnection, lane: LaneName): void {
      const session = members.of(connection)?.session
      if (lane === 'control' || (session?.isAttached && session.wantsBulk)) connection.redial(lane, dialler)
      else connection.rest(lane)
    }

    function disconnect(connection: DialledConnection): void {
      const member = members.of(connection)
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
      for (const lane of lanesOf.both) if (member.carriers[lane] === carrier) member.carriers[lane] = undefined
      if (!wasAttached || member.session.isAttached) return
      member.detachedSinceMs = now()
      member.rights.detached?.(true)
    }

    /** Hands a frame to the actor, later if the node's frames are delayed. Frames stay in order. */
    function arrive(carrier: Carrier, bytes: Uint8Array<ArrayBuffer>): void {
      const message = { type: 'heard', carrier, bytes } as const
      const delayMs = carrier.member?.delayMs ?? 0
      if (delayMs === 0 && carrier.dueMs === undefined) return context.self.tell(message)
      const nowMs = now()
      const dueMs = Math.max(nowMs + delayMs, carrier.dueMs ?? 0)
      if (dueMs <= nowMs) {
        delete carrier.dueMs
        return context.self.tell(message)
      }
      carrier.dueMs = dueMs
      context.after(dueMs - nowMs, message)
    }

    function disturb(member: Member | undefined, how: Disturbance): void {
      if (!member) return
      if (how.type === 'delay') member.delayMs = how.delayMs
      else for (const carrier of new Set(lanesOf.both.map((lane) => member.carriers[lane]))) if (carrier) lost(carrier)
    }

    /** After the loss of a route that this node has made, the connection makes another. */
    function lost(carrier: Carrier, cause?: Error): void {
      const { state, dialled: made, member } = carrier
      if (state === 'closed') return
      shut(carrier)
      const connection = made?.connection
      const lane = made?.lanes === 'bulk' ? 'bulk' : 'control'
      if (!made || !connection?.isPresent(lane, made.attempt)) return
      if (state === 'open')
        connection.fared(lane, now() - carrier.sinceMs, member?.session.progress !== carrier.progress)
      connection.retry(lane, dialler, cause)
    }

    /** The other node reports that it has ended, or that it refuses this node. */
    function closed(carrier: Carrier, { body }: Frame): void {
      const { dialled: made, member } = carrier
      // A stranger has nothing to say.
      if (!made && !member) return shut(carrier)
      const cause = closeCause(body, nameOf(carrier))
      const isEnd = endsLife.includes(cause.code)
      if (isEnd) made?.connection?.change('ended', cause)
      if (isEnd || (member && cause.code === 'LINK_NODE_ENDED')) endFor(member ?? members.get(nameOf(carrier)), cause)
      failed(carrier, cause)
    }

    /** This node has dialled, and can't go on with the route, or not with the other node at all. */
    function failed(carrier: Carrier, cause: LinkError): void {
      const connection = carrier.dialled?.connection
      if (refusesForGood.includes(cause.code)) connection?.change('refused', cause)
      if (connection?.state === 'refused') endFor(members.of(connection), cause)
      lost(carrier, cause)
    }

    function endFor(member: Member | undefined, cause: Error): void {
      if (member) end(member, cause.message)
    }

    /** Whether a name is kept out. Its node is told so; only the first refusal is reported. */
    function isQuarantined(carrier: Carrier, name: string): boolean {
      const { forMs, isTold } = carrier.from === '' ? { forMs: 0 } : quarantine.leftMs(name, now())
      if (forMs === 0) return false
      refuse(carrier, linkError('LINK_QUARANTINE', { node: nameOf(carrier), forMs: Math.ceil(forMs) }), isTold)
      return true
    }

    function refuse(carrier: Carrier, cause: LinkError, isTold = false): void {
      const { from, claimed, state } = carrier
      if (state === 'closed') return
      carrier.route.send(frameOf('close', closeBody(cause)))
      shut(carrier)
      if (from !== '' && counts.includes(cause.code)) quarantine.fault(addressName(from), now())
      if (!isTold) options.onRefused?.({ from, cause, ...(claimed && { node: claimed.node }) })
    }

    /** Ends the session with an earlier life of a node. The connection goes on with the new life. */
    function replace(member: Member): void {
      member.connection = undefined
      end(member, 'another incarnation has begun', incarnationEnded(member.peer))
    }

    /** Ends the session with a life of a node for good. The other node hears the farewell, if a route is left. */
    function end(member: Member, reason: string, farewell?: Error, cause?: Error): void {
      const { connection, peer } = member
      members.end(member, nodeEnded(peer.node, reason, cause), farewell && frameOf('close', closeBody(farewell)))
      connection?.rest('bulk')
      if (connection && !connection.isOver) connection.retry('control', dialler)
    }

    function endAll(): void {
      stopTicks?.()
      for (const connection of connections) connection.change('ended')
      for (const carrier of [...greetings]) shut(carrier)
      for (const member of members.all) {
        member.session.flush()
        const farewell = frameOf('close', closeBody(nodeEnded(own.node, 'it was stopped')))
        members.end(member, nodeEnded(member.peer.node, `the link of ${own.node} was closed`), farewell)
      }
    }

    function greetingFrame(
      kind: 'hello' | 'welcome',
      { epoch, nonce, entry }: Carrier,
      said: Pick<Greeting, 'major' | 'lanes' | 'token' | 'features'>,
      member: Member | undefined,
    ): Uint8Array<ArrayBuffer> {
      const { node, nodeIncarnation: incarnation } = own
      const peerIncarnation = member?.peer.nodeIncarnation ?? 0
      const rest = packRest(entryName(entry))
      const { minor } = version
      const body = encodeGreeting({ ...said, minor, epoch, nonce, node, incarnation, peerIncarnation, rest })
      return frameOf(kind, body, member?.session.expected)
    }

    function frameOf(kind: FrameKind, body: Uint8Array<ArrayBuffer>, expected = fromTheBeginning) {
      const plain = { lane: 'control', isPart: false, count: 0, first: 0 } as const
      return encodeFrame({ ...plain, kind, expected, window, body })
    }
  }
}

function addressName(from: string): string {
  return `address ${from}`
}

function identityName(identity: string): string {
  return `identity ${identity}`
}

function platformBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count))
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
