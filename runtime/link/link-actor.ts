import type { ActorSystem, Behavior } from '../kernel/protocol.ts'
import type { Dialler } from './connection.ts'
import { isLinkError, type LinkError, linkError } from './errors.ts'
import { type Frame, frameHeaderBytes } from './frame.ts'
import { FrameBuffers } from './frame-buffers.ts'
import { closeBody, closeCause } from './greeting.ts'
import { linkDialling } from './link-dialling.ts'
import { linkGreeting } from './link-greeting.ts'
import { type LinkMessage, type LinkParts, linkSettings } from './link-parts.ts'
import { lanesOf, linkRoutes } from './link-routes.ts'
import { linkWatch } from './link-watch.ts'
import { type Carrier, handshakeError, incarnationEnded, type Member, Members, nameOf, nodeEnded } from './member.ts'
import type { Disturbance, NodeLinkOptions } from './protocol.ts'
import { keep, Slots } from './slots.ts'

/** The frames that one route may repeat while it is greeted. */
const mostRepeated = 8
/** An acknowledgement that nobody waits for leaves after this time, unless another frame takes it along. */
const acknowledgeAfterMs = 20
/** Reasons of the other node after which it never hears this life of this node again. */
const endsLife: readonly string[] = ['LINK_INCARNATION', 'LINK_FRAME', 'LINK_VALUE']
/** Reasons after which dialling again has no use. */
const refusesForGood: readonly string[] = ['LINK_VERSION', 'LINK_TOKEN', 'LINK_NAME']

/** The actor that greets other nodes, and keeps the sessions with them. */
export function linkActor(system: ActorSystem, options: NodeLinkOptions): Behavior<LinkMessage> {
  const settings = linkSettings(options)
  const { frameBytes, suspectMs, randomBytes, greetWithinMs } = settings
  const own = system.node

  return (context) => {
    /** Sessions that will acknowledge soon. */
    const owing = new Set<Member>()
    const slots = new Slots(settings.slots, {
      start: () => context.after(settings.slotPatienceMs, { type: 'slots-overdue' }),
    })
    // Nobody will release a message that wasn't delivered.
    const unsubscribe = system.deadLetters.subscribe(({ message }) => keep(message))
    context.signal.addEventListener('abort', unsubscribe, { once: true })
    const members = new Members(system, {
      ...settings,
      frameBytes: { control: frameBytes.control - frameHeaderBytes, bulk: frameBytes.bulk - frameHeaderBytes },
      buffers: new FrameBuffers(),
      slots,
      silence: { leastMs: suspectMs.least, mostMs: suspectMs.most },
      wake,
    })
    const dialler: Dialler = {
      tell: (message) => context.self.tell(message),
      after: (delayMs, message) => context.after(delayMs, message),
      random: () => new DataView(Uint8Array.from(randomBytes(4)).buffer).getUint32(0) / 2 ** 32,
      dialWithinMs: greetWithinMs,
    }
    const parts: LinkParts = { context, own, settings, members, dialler, now: () => context.clock.now() }
    const routes = linkRoutes(parts, () => watch.begin())
    const watch = linkWatch(parts, routes, overdue)
    const greeting = linkGreeting(parts, routes)
    const dialling = linkDialling(parts, routes)
    const { lost, end } = routes
    context.signal.addEventListener('abort', endAll, { once: true })

    return (message) => {
      switch (message.type) {
        case 'accept':
          return greeting.accept(message.route, message.from, message.rights)
        case 'admitted':
          return guarded(message.carrier, () => greeting.admitted(message, message.rights))
        case 'denied':
          return greeting.denied(message, message.cause)
        case 'heard':
          return guarded(message.carrier, () => heard(message.carrier, message.bytes))
        case 'lost':
          return lost(message.carrier, message.cause)
        case 'doubted':
          return watch.doubted(message.carrier)
        case 'flush':
          message.member.isWoken = false
          return watch.flush(message.member)
        case 'acknowledge':
          for (const member of owing) wake(member)
          return owing.clear()
        case 'slots-overdue':
          return slots.overdue()
        case 'tick':
          return watch.tick()
        case 'declare-dead': {
          const member = members.get(message.node)
          return member && end(member, 'declared dead', incarnationEnded(member.peer))
        }
        case 'disturb':
          return disturb(members.get(message.node), message.how)
        default:
          return dialling.heard(message)
      }
    }

    function wake(member: Member, when: 'now' | 'later' = 'now'): void {
      if (when === 'later') {
        if (owing.size === 0) context.after(acknowledgeAfterMs, { type: 'acknowledge' })
        owing.add(member)
      } else if (!member.isWoken) {
        member.isWoken = true
        context.self.tell({ type: 'flush', member })
      }
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
        if (!member) return greeting.refuse(carrier, cause)
        // The next route brings the frame again.
        if (cause.code === 'LINK_DAMAGED') return lost(carrier, cause)
        member.connection?.change('ended', cause)
        if (carrier.from !== '') greeting.blame(member)
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
        return made ? greeting.challenged(carrier, made, frame) : greeting.greeted(carrier, frame)
      if (state === 'greeted' && made && frame.kind === 'welcome') return greeting.welcomed(carrier, made, frame)
      // A route may repeat a frame.
      carrier.progress += 1
      if (state === 'greeted' && frame.kind === first && carrier.progress <= mostRepeated) return
      throw handshakeError(nameOf(carrier), `it begins with a frame of the kind ${frame.kind}`)
    }

    function heardOpen(carrier: Carrier, member: Member, frame: Frame): void {
      const { session, silence } = member
      if (member.carriers.control === carrier) silence.heard(parts.now())
      if (frame.kind === 'challenge' || frame.kind === 'hello' || frame.kind === 'welcome') return
      if (frame.kind === 'wanted') wanted(member, frame.first)
      else session.heard(frame, parts.now())
    }

    /** The other node has lost its bulk routes up to this one. This node may not have noticed, or hear of one later. */
    function wanted(member: Member, epoch: number): void {
      const { session, carriers, connection } = member
      session.bulkLost(epoch)
      if (carriers.bulk?.state === 'open' && carriers.bulk.epoch <= epoch) {
        lost(carriers.bulk)
        wake(member)
      } else connection?.dial('bulk', dialler)
    }

    /** The other node reports that it has ended, or that it refuses this node. */
    function closed(carrier: Carrier, { body }: Frame): void {
      const { dialled: made, member } = carrier
      // A stranger has nothing to say.
      if (!made && !member) return routes.shut(carrier)
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

    function disturb(member: Member | undefined, how: Disturbance): void {
      if (!member) return
      if (how.type === 'delay') member.delayMs = how.delayMs
      else for (const carrier of new Set(lanesOf.both.map((lane) => member.carriers[lane]))) if (carrier) lost(carrier)
    }

    function endAll(): void {
      watch.stop()
      dialling.endAll()
      for (const carrier of [...routes.greetings]) routes.shut(carrier)
      for (const member of members.all) {
        member.session.flush(parts.now())
        const farewell = routes.frameOf('close', closeBody(nodeEnded(own.node, 'it was stopped')))
        members.end(member, nodeEnded(member.peer.node, `the link of ${own.node} was closed`), farewell)
      }
    }

    function overdue(carrier: Carrier): void {
      guarded(carrier, () => {
        throw linkError('LINK_SILENT', { node: nameOf(carrier), silentMs: greetWithinMs })
      })
    }
  }
}
