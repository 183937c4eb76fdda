import type { Cancel } from '../kernel/protocol.ts'
import { linkError } from './errors.ts'
import type { LinkParts } from './link-parts.ts'
import type { LinkRoutes } from './link-routes.ts'
import type { Carrier, Member } from './member.ts'

/** A longer time without a look means that this machine has slept, or this process was stopped. */
const longPauseMs = 5000
/** A bulk route is replaced if frames were sent again this often, and none was acknowledged. */
const mostResends = 4

/**
 * Looks after a link's sessions: sends what waits, and asks silent nodes whether they are there. `overdue` is called
 * with routes on which the other node has not greeted in time.
 */
export function linkWatch(
  { context, settings, members, dialler, now }: LinkParts,
  routes: LinkRoutes,
  overdue: (carrier: Carrier) => void,
) {
  const { tickMs, greetWithinMs, deadAfterMs, resendAfterMs, beatEveryMs } = settings
  let stopTicks: Cancel | undefined
  let lastTickMs = 0

  return { begin, tick, flush, doubted, stop: () => stopTicks?.() }

  /** Begins to look at all routes and sessions, until there are none. */
  function begin(): void {
    if (stopTicks) return
    lastTickMs = now()
    stopTicks = context.every(tickMs, { type: 'tick' })
  }

  /** One timer looks at all routes and sessions. */
  function tick(): void {
    const nowMs = now()
    const pauseMs = nowMs - lastTickMs - tickMs
    lastTickMs = nowMs
    if (pauseMs > longPauseMs) resume(nowMs, pauseMs)
    for (const carrier of routes.greetings) {
      if (nowMs - carrier.sinceMs < greetWithinMs) break
      overdue(carrier)
    }
    for (const member of members.all) look(member, nowMs)
    if (routes.greetings.size > 0 || members.size > 0) return
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

  /** Sends lost envelopes again, asks a silent node for a frame, and gives up a route whose node stays silent. */
  function look(member: Member, nowMs: number): void {
    const { session, silence, carriers, isDialled, connection, detachedSinceMs } = member
    if (detachedSinceMs !== undefined) {
      const limitMs = isDialled ? connection?.options.deadAfterMs : deadAfterMs
      if (nowMs - detachedSinceMs < (limitMs ?? Number.POSITIVE_INFINITY)) return
      return routes.end(member, `it had no route for ${limitMs} ms`)
    }
    const silentMs = silence.suspectedMs(nowMs)
    if (silentMs !== undefined && carriers.control)
      return routes.lost(
        carriers.control,
        linkError('LINK_SILENT', { node: member.peer.node, silentMs: Math.round(silentMs) }),
      )
    session.look(nowMs, resendAfterMs)
    if (carriers.bulk && carriers.bulk !== carriers.control && session.resends('bulk') > mostResends)
      routes.lost(carriers.bulk)
    wish(member)
    // The accepting end beats, since timers of a hidden page rest. The dialling end asks if it misses the beats.
    if (silence.isAwaited || silence.quietMs(nowMs) < (isDialled ? 1.5 : 1) * beatEveryMs) return
    session.beat()
    silence.expect(nowMs)
  }

  function flush(member: Member): void {
    const { session, silence } = member
    session.flush(now())
    if (session.awaitsAnswer) silence.expect(now())
    wish(member)
  }

  /** Sees to a bulk route as soon as there is something to send on it. */
  function wish({ session, connection }: Member): void {
    if (!session.wantsBulk || !session.isAttached) return
    if (connection) connection.dial('bulk', dialler)
    else session.askForBulk()
  }

  function doubted({ member, state }: Carrier): void {
    if (!member || state !== 'open') return
    member.session.beat()
    member.silence.doubt(now())
  }
}
