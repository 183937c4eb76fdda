import {
  encodeFrame,
  type Frame,
  type FrameKind,
  isBeat,
  type PerLane,
  type Route,
  type RouteListener,
} from './frame.ts'
import { closeBody, type RouteLanes } from './greeting.ts'
import type { LinkParts } from './link-parts.ts'
import { type Carrier, type Dialled, incarnationEnded, type Member, nodeEnded } from './member.ts'
import type { PeerRights } from './protocol.ts'
import { SealedRoute } from './sealed-route.ts'

export const fromTheBeginning: PerLane = { control: 1, bulk: 1 }
const noNonce = new Uint8Array()
export const lanesOf = { control: ['control'], bulk: ['bulk'], both: ['control', 'bulk'] } as const

/** The routes of a link's actor, from their first frame to their loss, and the end of the sessions on them. */
export type LinkRoutes = ReturnType<typeof linkRoutes>

/** `begin` is called with each route that is listened to. */
export function linkRoutes({ context, settings, members, dialler, now }: LinkParts, begin: () => void) {
  const { window } = settings
  /** Hands what a route brings to the actor. A class, since each idle link has one. */
  class CarrierListener implements RouteListener {
    readonly #carrier: Carrier

    constructor(carrier: Carrier) {
      this.#carrier = carrier
    }

    heard(bytes: Uint8Array<ArrayBuffer>): void {
      const carrier = this.#carrier
      // Answered here, since a turn of the actor may come late in a hidden page.
      if (isBeat(bytes)) carrier.member?.session.answerBeat()
      arrive(carrier, bytes)
    }

    lost(cause?: Error): void {
      context.self.tell({ type: 'lost', carrier: this.#carrier, cause })
    }

    doubted(): void {
      context.self.tell({ type: 'doubted', carrier: this.#carrier })
    }
  }
  /** Routes whose ends have not greeted each other yet, the oldest first. */
  const greetings = new Set<Carrier>()
  /** Number of these routes that other nodes have made. */
  let strangers = 0

  return {
    greetings,
    strangers: () => strangers,
    carrierOf,
    listen,
    attach,
    shut,
    lost,
    end,
    replace,
    frameOf,
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
    begin()
    carrier.route.route.listen(new CarrierListener(carrier))
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
    if (member.isDialled) session.reportLostBulk()
    if (lanes === 'bulk' || member.detachedSinceMs === undefined) return
    member.detachedSinceMs = undefined
    rights.detached?.(false)
  }

  function forget(carrier: Carrier): void {
    if (greetings.delete(carrier) && !carrier.dialled) strangers -= 1
  }

  /** Closes a route, or takes note that it is closed. Its session waits for another. */
  function shut(carrier: Carrier): void {
    const { route, member, dialled: made, epoch } = carrier
    forget(carrier)
    carrier.state = 'closed'
    route.close()
    // The other node may use a bulk route whose welcome was lost.
    if (made?.lanes === 'bulk' && made.connection) members.of(made.connection)?.session.bulkLost(epoch)
    if (!member?.session.isCarriedBy(route)) return
    const wasAttached = member.session.isAttached
    member.session.detach(route)
    for (const lane of lanesOf.both) if (member.carriers[lane] === carrier) member.carriers[lane] = undefined
    if (!wasAttached || member.session.isAttached) return
    member.detachedSinceMs = now()
    member.rights.detached?.(true)
  }

  /** After the loss of a route that this node has made, the connection makes another. */
  function lost(carrier: Carrier, cause?: Error): void {
    const { state, dialled: made, member } = carrier
    if (state === 'closed') return
    shut(carrier)
    const connection = made?.connection
    const lane = made?.lanes === 'bulk' ? 'bulk' : 'control'
    if (!made || !connection?.isPresent(lane, made.attempt)) return
    if (state === 'open') connection.fared(lane, now() - carrier.sinceMs, member?.session.progress !== carrier.progress)
    connection.retry(lane, dialler, cause)
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

  function frameOf(kind: FrameKind, body: Uint8Array<ArrayBuffer>, expected = fromTheBeginning) {
    const plain = { lane: 'control', isPart: false, count: 0, first: 0 } as const
    return encodeFrame({ ...plain, kind, expected, window, body })
  }
}
