import type { ActorRef, ActorSystem, Address } from '../kernel/protocol.ts'
import { BulkPace, leastWindowBytes } from './bulk-pace.ts'
import { encodeFrame, type Frame, type LaneName, type PerLane } from './frame.ts'
import { Inbox } from './inbox.ts'
import type { RefName } from './message-codec.ts'
import { Outbox } from './outbox.ts'
import type { RefSession, RemoteRef } from './remote-ref.ts'
import type { SealedRoute } from './sealed-route.ts'
import { kinds, SessionContext, type SessionSettings, type Wake } from './session-parts.ts'
import { SessionRefs } from './session-refs.ts'
import { SessionWatches } from './session-watches.ts'

const laneNames = ['control', 'bulk'] as const

/** The acknowledged frames of a lane, and for how long there are no more, or for how long none was sent again. */
interface Look {
  acknowledged: number
  /** Time during which acknowledgements could come. */
  forMs: number
  /** The last look. Absent if no acknowledgement could come in the meantime. */
  atMs: number | undefined
  resends: number
  /** A usual time between acknowledgements: a slow route has long ones. */
  gapMs: number
}

const noLook: Look = { acknowledged: 0, forMs: 0, atMs: undefined, resends: 0, gapMs: 0 }
/** Frames are sent again after at most 2⁴ times the first delay. */
const mostDoublings = 4
/** A longer time between acknowledgements isn't the route's: the machine may have slept. */
const longestGapMs = 30_000

/**
 * The conversation of two lives of two nodes, over one route after another. Every envelope arrives once, the envelopes
 * of a lane in order. The session ends for good with one of the two lives.
 */
export class Session implements RefSession {
  readonly #context: SessionContext
  readonly #refs: SessionRefs
  readonly #outbox: Outbox
  readonly #watches: SessionWatches
  readonly #inbox: Inbox
  readonly #routes: Record<LaneName, SealedRoute | undefined> = { control: undefined, bulk: undefined }
  readonly #looks: Record<LaneName, Look> = {
    control: { ...noLook },
    bulk: { ...noLook },
  }
  /** The gap in each lane for which the missing frames were asked for: the number of the first missing envelope. */
  readonly #asked = { control: 0, bulk: 0 }
  #isBulkAsked = false
  #owes = false
  /** Bytes that have come since the last acknowledgement. */
  #owedBytes = 0
  readonly #pace = new BulkPace()
  /** Numbers of the last routes that were used or lost, in the order in which the dialling node has made them. */
  readonly epochs = { control: 0, bulk: 0 }

  /** `wake` requests a call of `flush`. */
  constructor(
    peer: Pick<Address, 'node' | 'nodeIncarnation'>,
    system: ActorSystem,
    settings: SessionSettings,
    wake: Wake,
  ) {
    this.#context = new SessionContext(peer, system, settings, wake)
    const refs = new SessionRefs(this.#context, this)
    const outbox = new Outbox(this.#context, refs.nameOf)
    outbox.lanes.bulk.partBytes = this.#pace.frameBytes(settings.frameBytes.bulk)
    const watches = new SessionWatches(this.#context, outbox, refs)
    this.#refs = refs
    this.#outbox = outbox
    this.#watches = watches
    this.#inbox = new Inbox(this.#context, { outbox, refs, watches })
  }

  get peer(): Pick<Address, 'node' | 'nodeIncarnation'> {
    return this.#context.peer
  }

  /** Whether this is the present route of a lane. */
  isCarriedBy(route: SealedRoute): boolean {
    return this.#routes.control === route || this.#routes.bulk === route
  }

  /** Whether there is a route for small messages. Without one, the session waits. */
  get isAttached(): boolean {
    return this.#routes.control !== undefined
  }

  /** Whether large messages wait for a route of their own. */
  get wantsBulk(): boolean {
    return this.#routes.bulk === undefined && this.#outbox.hasLarge
  }

  /** Rises with each envelope that arrives, and each acknowledgement. */
  get progress(): number {
    const { control, bulk } = this.#inbox.lanes
    const { lanes } = this.#outbox
    return lanes.control.acknowledged + lanes.bulk.acknowledged + control.expected + bulk.expected
  }

  /** Whether the other node has anything from this session, or the other way round. */
  get hasBegun(): boolean {
    return this.progress > 2
  }

  /** Whether small messages, or frames for which there is no other route, must still be acknowledged. */
  get awaitsAnswer(): boolean {
    return this.isAttached && this.#outbox.lanes.control.hasUnacknowledged
  }

  /** Numbers of the next expected envelopes. */
  get expected(): PerLane {
    return { control: this.#inbox.lanes.control.expected, bulk: this.#inbox.lanes.bulk.expected }
  }

  /** Continues on a new route, on which the other node has told its expected envelopes. */
  attach(
    lanes: readonly LaneName[],
    route: SealedRoute,
    { expected, window }: Pick<Frame, 'expected' | 'window'>,
  ): void {
    const replaced = new Set(lanes.map((lane) => this.#routes[lane]))
    for (const old of replaced)
      if (old && old !== route) {
        this.detach(old)
        old.close()
      }
    for (const lane of lanes) this.#routes[lane] = route
    this.#isBulkAsked = false
    if (lanes.includes('bulk')) {
      this.#pace.interrupted()
      // Another route may be slower.
      this.#outbox.lanes.bulk.pacedWindow = leastWindowBytes
    }
    this.#outbox.acknowledge(expected, window)
    // No acknowledgement comes without a control route: the time without one says nothing about the bulk route.
    if (lanes.includes('control')) this.#looks.bulk.atMs = undefined
    for (const lane of lanes) {
      this.#asked[lane] = 0
      this.#looks[lane] = { ...noLook }
      this.resend(lane)
    }
  }

  /** The route is lost. Its lanes wait for another. */
  detach(route: SealedRoute): void {
    for (const lane of laneNames) if (this.#routes[lane] === route) this.#routes[lane] = undefined
  }

  /** Sends all unacknowledged envelopes of a lane again, unless its route is full of frames that nobody reads. */
  resend(lane: LaneName): void {
    if (this.#isFull(this.#routes[lane])) return
    this.#outbox.lanes[lane].rewind()
    this.#context.wake()
  }

  /**
   * Sends frames again that were sent `afterMs` ago, since when none of their lane was acknowledged: a route that loses
   * frames may have lost the last ones, without a gap. Then waits twice as long. Repeats the wish for a bulk route.
   */
  look(nowMs: number, afterMs: number): void {
    for (const lane of laneNames) {
      const { hasUnacknowledged, acknowledged } = this.#outbox.lanes[lane]
      const look = this.#looks[lane]
      if (look.atMs !== undefined) look.forMs += nowMs - look.atMs
      look.atMs = nowMs
      if (look.acknowledged !== acknowledged) {
        look.gapMs = Math.min(longestGapMs, Math.max(look.forMs, look.gapMs / 2))
        look.acknowledged = acknowledged
      } else if (hasUnacknowledged && this.#routes[lane]) {
        const dueMs = Math.max(afterMs, 2 * look.gapMs) * 2 ** Math.min(look.resends, mostDoublings)
        if (look.forMs < dueMs) continue
        look.forMs = 0
        look.resends += 1
        this.resend(lane)
        continue
      }
      look.forMs = 0
      look.resends = 0
    }
    this.#isBulkAsked = false
  }

  /** How often the frames of a lane were sent again since the last acknowledgement. */
  resends(lane: LaneName): number {
    return this.#looks[lane].resends
  }

  /** Asks the other node, which dials, for a bulk route; once until the next `look`. */
  askForBulk(): void {
    if (this.#isBulkAsked || !this.#routes.control) return
    this.#isBulkAsked = true
    this.#send('wanted', 'bulk', this.epochs.bulk)
  }

  /** The bulk routes up to this number are lost for one of the two nodes, so that none of these carries the lane again. */
  bulkLost(epoch: number): void {
    this.epochs.bulk = Math.max(this.epochs.bulk, epoch)
  }

  /** Tells the other node, which accepts the routes, that the bulk route is lost. A broker doesn't tell that node. */
  reportLostBulk(): void {
    const { control, bulk } = this.#routes
    if (control && !bulk && this.epochs.bulk > 0) this.#send('wanted', 'bulk', this.epochs.bulk)
  }

  /** Asks the other node for any frame. */
  beat(): void {
    this.#send('beat')
  }

  /** Any frame is an answer: those that wait for the other node to read are enough. */
  answerBeat(): void {
    if (!this.#isFull(this.#routes.control ?? this.#routes.bulk)) this.#send('acknowledge')
  }

  /** Takes a frame of the present route. @throws LINK_FRAME, LINK_VALUE if the frame can't be read. */
  heard(frame: Frame, nowMs: number): void {
    const { bulk } = this.#outbox.lanes
    const before = bulk.acknowledgedBytes
    if (this.#outbox.acknowledge(frame.expected, frame.window)) this.#context.wake()
    if (bulk.acknowledgedBytes > before) {
      this.#pace.acknowledged(bulk.acknowledgedBytes - before, !bulk.hasUnacknowledged, nowMs)
      bulk.partBytes = this.#pace.frameBytes(this.#context.settings.frameBytes.bulk)
      // A broker, or a hub, holds the window's bytes in its own memory.
      if (!this.#routes.bulk?.route.isRelayed) bulk.pacedWindow = this.#pace.windowBytes()
    }
    if (frame.kind === 'resend') this.resend(frame.lane)
    if (frame.kind !== 'data') return
    const arriving = this.#inbox.lanes[frame.lane]
    const body = arriving.accept(frame, this.#context.peer.node)
    if (body === 'gap') {
      // Once for each gap: every frame after the gap would ask again.
      if (this.#asked[frame.lane] === arriving.expected) return
      this.#asked[frame.lane] = arriving.expected
      return this.#send('resend', frame.lane)
    }
    // A third of the window keeps the sender going. The next frame to the other node acknowledges, too.
    this.#owedBytes += frame.body.length
    const isDue = this.#owedBytes >= this.#slowWindow(frame.lane) / 3
    const isAwaited = body === 'known' || (frame.lane === 'bulk' && body !== 'waiting')
    this.#owes = true
    this.#context.wake(isDue || isAwaited ? 'now' : 'later')
    if (typeof body !== 'string') this.#inbox.open(frame.lane, body)
  }

  /** Sends all waiting units that fit into the windows, or at least an owed acknowledgement. */
  flush(nowMs: number): void {
    this.#outbox.pack()
    for (const name of laneNames) {
      const route = this.#routes[name]
      const lane = this.#outbox.lanes[name]
      if (!route) continue
      const header = { expected: this.expected, window: this.#context.settings.window }
      while (this.#routes[name] === route && lane.sendNext(route, header)) this.#settle()
    }
    if (this.#outbox.lanes.bulk.hasUnacknowledged) this.#pace.sent(nowMs)
    if (this.#owes) this.#send('acknowledge')
  }

  /**
   * Ends the session, since the other node, or this node, has ended or was declared dead. Watchers are told that each
   * watched actor has stopped, asks and offers fail, and unacknowledged messages become dead letters. The farewell is the
   * last frame for the other node.
   */
  end(cause: Error, farewell?: Uint8Array<ArrayBuffer>): void {
    if (this.#context.ended) return
    if (this.#owes) this.#send('acknowledge')
    this.#context.ended = cause
    const { control, bulk } = this.#routes
    if (farewell) (control ?? bulk)?.send(farewell)
    for (const lane of laneNames) this.#routes[lane]?.close()
    for (const lane of laneNames) this.#routes[lane] = undefined
    const letters = this.#outbox.drain()
    this.#inbox.end()
    for (const { to, message } of letters) this.#context.deadLetter(to.path, message, 'node-ended', cause)
    this.#outbox.refuseOffers(cause)
    this.#watches.forget()
    this.#refs.end()
    this.#watches.end(cause)
  }

  tell(ref: RemoteRef, message: unknown): void {
    this.#outbox.tell(ref, message)
  }

  offer(ref: RemoteRef, message: unknown): Promise<void> {
    return this.#outbox.offer(ref, message)
  }

  watch(ref: RemoteRef): void {
    this.#watches.watch(ref)
  }

  stop(ref: RemoteRef): void {
    if (!this.#context.ended) this.#outbox.post([kinds.stop, ref.remoteNumber])
  }

  /** Gives an actor's ref to the other node outside of a message. Returns its name there. */
  export(ref: ActorRef<never>): RefName {
    return this.#refs.export(ref)
  }

  /** The ref that the other node has named outside of a message. */
  import(number: number, path: string): RemoteRef {
    return this.#refs.import(number, path)
  }

  /** Whether more bytes than a slow route's window wait in this process. */
  #isFull(route: SealedRoute | undefined): boolean {
    return (route?.route.queuedBytes ?? 0) > this.#slowWindow('bulk')
  }

  /** The window of a lane on a slow route. */
  #slowWindow(lane: LaneName): number {
    return Math.min(leastWindowBytes, this.#context.settings.window[lane])
  }

  /** A frame is sent, and each frame acknowledges. */
  #settle(): void {
    this.#owes = false
    this.#owedBytes = 0
  }

  #frame(kind: Frame['kind'], lane: LaneName = 'control', first = 0): Frame {
    const { expected } = this
    const { window } = this.#context.settings
    return { kind, lane, isPart: false, count: 0, first, expected, window, body: new Uint8Array() }
  }

  #send(kind: 'acknowledge' | 'resend' | 'wanted' | 'beat', lane?: LaneName, first?: number): void {
    this.#settle()
    const { control, bulk } = this.#routes
    const route = control ?? bulk
    route?.send(encodeFrame(this.#frame(kind, lane, first)))
  }
}
