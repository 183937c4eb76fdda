import { type Addressee, addressee } from '../kernel/addressee.ts'
import { kernelError } from '../kernel/errors.ts'
import type { ActorRef, ActorSystem, Address, Cancel, DeadLetterReason } from '../kernel/protocol.ts'
import { linkError } from './errors.ts'
import { encodeFrame, type Frame, type LaneName, type PerLane } from './frame.ts'
import { type FrameBuffers, IncomingLane, type Letter, OutgoingLane } from './lane.ts'
import { LazyMap } from './lazy-map.ts'
import { Batch, type Pieces, piecesOf, type RefName, valuesOf } from './message-codec.ts'
import { type RefSession, RemoteRef, ReturnedRef } from './remote-ref.ts'
import type { SealedRoute } from './sealed-route.ts'
import { lend, type Slot, type Slots } from './slots.ts'

export interface SessionSettings {
  /** Longest body of a frame. */
  readonly frameBytes: PerLane
  /** Most bytes that the other node may send ahead of acknowledgements. */
  readonly window: PerLane
  /** Longest message. */
  readonly mostMessageBytes: number
  /** Whether actors of this node obey a `stop` of the other node. */
  readonly mayStop: boolean
  /** Buffers of the node's frames, and of its large messages under way. */
  readonly buffers: FrameBuffers
  readonly slots: Slots
  /** Longer messages of the bulk lane are sent when the receiver has granted a slot. */
  readonly slotFromBytes: number
  /** Most bytes that may wait in a lane. Further messages become dead letters. */
  readonly queue: PerLane
}

/** Kinds of envelopes. An envelope is its kind, the number of an actor or a call, and further fields. */
const kinds = { tell: 0, offer: 1, settled: 2, watch: 3, terminated: 4, stop: 5, announced: 6, granted: 7 } as const
/** By kind: the number of fields of an envelope. */
export const fieldCounts: readonly number[] = [3, 4, 3, 2, 4, 2, 3, 3]

/** Most large messages of a session that may be announced ahead: while one is sent, another is granted. */
const mostAnnounced = 2
/** Offers wait when this part of the queue is full. */
const offersFill = 1 / 16

/** A message with more bytes of typed arrays than this travels in the bulk lane. */
const bulkFromBytes = 32 * 1024

const laneNames = ['control', 'bulk'] as const

/** The acknowledged frames of a lane, and the time since when there are no more, or since when all were sent again. */
interface Look {
  acknowledged: number
  sinceMs: number
  resends: number
}

const noLook: Look = { acknowledged: 0, sinceMs: 0, resends: 0 }
/** Frames are sent again after at most 2⁴ times the first delay. */
const mostDoublings = 4

/** An actor whose ref was given to the other node. */
interface Exported {
  readonly target: Addressee
  returned?: ReturnedRef
  readonly forget: Cancel
}

/** A message that waits for its turn in the bulk lane. */
interface Large {
  readonly body: Pieces
  readonly letters: readonly Letter[]
  /** Number of the transfer, once it was announced or allowed. */
  transfer: number
  isAnnounced: boolean
  isGranted: boolean
}

interface Offered {
  readonly path: string
  readonly accept: () => void
  readonly refuse: (cause: Error) => void
}

/**
 * The conversation of two lives of two nodes, over one route after another. Every envelope arrives once, the envelopes
 * of a lane in order. The session ends for good with one of the two lives.
 */
export class Session implements RefSession {
  readonly peer: Pick<Address, 'node' | 'nodeIncarnation'>
  readonly #system: ActorSystem
  readonly #settings: SessionSettings
  /** Requests a call of `flush`. Further requests before this call have no effect. */
  readonly #wake: () => void
  readonly #out: Readonly<Record<LaneName, OutgoingLane>>
  readonly #in: Readonly<Record<LaneName, IncomingLane>>
  /** Envelopes of the control lane, which wait for the end of the turn. */
  #waiting: Batch | undefined
  /** Letters of these envelopes. */
  #letters: Letter[] = []
  readonly #exported = new LazyMap<number, Exported>()
  readonly #imported = new LazyMap<number, WeakRef<RemoteRef>>()
  #collected: FinalizationRegistry<number> | undefined
  /** Actors of the other node that are watched here. Their refs are kept until they have stopped. */
  readonly #watched = new LazyMap<number, RemoteRef>()
  readonly #watchesOfPeer = new LazyMap<number, Cancel>()
  readonly #offers = new LazyMap<number, Offered>()
  #lastOffer = 0
  /** Messages before the bulk lane, in order: those that need no slot wait for those before them. */
  #large: Large[] = []
  #largeBytes = 0
  #lastTransfer = 0
  /** Number of announced messages that haven't arrived whole. */
  #announced = 0
  /** Longest message that needs no announcement, once: the other node has promised room for it. */
  #allowance = 0
  /** Slots that the other node's announced messages await or fill; by number of the transfer, those that were granted. */
  #requested: Slot[] = []
  readonly #granted = new LazyMap<number, Slot>()
  /** Longest message for which this node has promised room. */
  #promised = 0
  /** The slot of the message whose parts arrive, and of the one that is opened now. */
  #filling: Slot | undefined
  #filled: Slot | undefined
  /** Numbers of messages that were told in the bulk lane, and have arrived in it. */
  readonly #bulk = { told: 0, arrived: 0 }
  /** Offers that wait for space. */
  #crowd: (() => void)[] = []
  /** Ends of watched actors, which wait for earlier messages of the bulk lane. */
  #lateEnds: { readonly bulk: number; readonly end: () => void }[] = []
  readonly #routes: Record<LaneName, SealedRoute | undefined> = { control: undefined, bulk: undefined }
  readonly #looks: Record<LaneName, Look> = {
    control: { ...noLook },
    bulk: { ...noLook },
  }
  /** The gap in each lane for which the missing frames were asked for: the number of the first missing envelope. */
  readonly #asked = { control: 0, bulk: 0 }
  #isBulkAsked = false
  #owes = false
  /** Bytes of parts that have come since the last acknowledgement. */
  #partBytes = 0
  #ended: Error | undefined
  /** Numbers of the present routes, in the order in which the dialling node has made them. */
  readonly epochs = { control: 0, bulk: 0 }

  constructor(
    peer: Pick<Address, 'node' | 'nodeIncarnation'>,
    system: ActorSystem,
    settings: SessionSettings,
    wake: () => void,
  ) {
    this.peer = peer
    this.#system = system
    this.#settings = settings
    this.#wake = wake
    const { frameBytes, mostMessageBytes, buffers } = settings
    this.#out = {
      control: new OutgoingLane('control', frameBytes.control, buffers),
      bulk: new OutgoingLane('bulk', frameBytes.bulk, buffers),
    }
    this.#in = {
      control: new IncomingLane(mostMessageBytes),
      bulk: new IncomingLane(mostMessageBytes, (bytes, transfer) => this.#room(bytes, transfer)),
    }
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
    return this.#routes.bulk === undefined && (this.#out.bulk.hasUnits || this.#large.length > 0)
  }

  /** Rises with whatever the nodes have achieved: envelopes that arrived, and acknowledgements. */
  get progress(): number {
    const { control, bulk } = this.#in
    return this.#out.control.acknowledged + this.#out.bulk.acknowledged + control.expected + bulk.expected
  }

  /** Whether the other node has anything from this session, or the other way round. */
  get hasBegun(): boolean {
    return this.progress > 2
  }

  /** Whether small messages, or frames for which there is no other route, must still be acknowledged. */
  get awaitsAnswer(): boolean {
    return this.isAttached && this.#out.control.hasUnacknowledged
  }

  /** Numbers of the next expected envelopes. */
  get expected(): PerLane {
    return { control: this.#in.control.expected, bulk: this.#in.bulk.expected }
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
    this.#acknowledged(expected, window)
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

  /** Sends all unacknowledged envelopes of a lane again. */
  resend(lane: LaneName): void {
    this.#out[lane].rewind()
    this.#wake()
  }

  /**
   * Sends frames again that were sent `afterMs` ago, since when none of their lane was acknowledged: a route that loses
   * frames may have lost the last ones, without a gap. Then waits twice as long. Repeats the wish for a bulk route.
   */
  look(nowMs: number, afterMs: number): void {
    for (const lane of laneNames) {
      const { hasUnacknowledged, acknowledged } = this.#out[lane]
      const look = this.#looks[lane]
      if (!hasUnacknowledged || !this.#routes[lane] || look.acknowledged !== acknowledged)
        Object.assign(look, { acknowledged, sinceMs: nowMs, resends: 0 })
      else if (nowMs - look.sinceMs >= afterMs * 2 ** Math.min(look.resends, mostDoublings)) {
        look.sinceMs = nowMs
        look.resends += 1
        this.resend(lane)
      }
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

  /** Asks the other node for any frame. */
  beat(): void {
    this.#send('beat')
  }

  answerBeat(): void {
    this.#send('acknowledge')
  }

  /** Takes a frame of the present route. @throws LINK_FRAME, LINK_VALUE if the frame can't be read. */
  heard(frame: Frame): void {
    if (this.#acknowledged(frame.expected, frame.window)) this.#wake()
    if (frame.kind === 'resend') this.resend(frame.lane)
    if (frame.kind !== 'data') return
    const arriving = this.#in[frame.lane]
    const body = arriving.accept(frame, this.peer.node)
    if (body === 'gap') {
      // Once for each gap: every frame after the gap would ask again.
      if (this.#asked[frame.lane] === arriving.expected) return
      this.#asked[frame.lane] = arriving.expected
      return this.#send('resend', frame.lane)
    }
    if (body === 'waiting') {
      // Acknowledgements of parts cost more than the parts are worth. A third of the window keeps the sender going.
      this.#partBytes += frame.body.length
      if (this.#partBytes < this.#settings.window[frame.lane] / 3) return
    }
    this.#partBytes = 0
    this.#owes = true
    this.#wake()
    if (typeof body === 'string') return
    if (frame.lane === 'bulk') {
      this.#bulk.arrived += 1
      this.#filled = this.#filling
      this.#filling = undefined
      this.#requested = this.#requested.filter((slot) => slot !== this.#filled)
    }
    try {
      this.#openAll(valuesOf(body, (name) => this.#refOf(name)))
    } finally {
      // Nobody has borrowed the message, so its buffer belongs to it.
      this.#filled?.keep()
      this.#filled = undefined
      if (frame.lane === 'bulk') this.#promise(body.length)
    }
    this.#endLate()
  }

  /** Sends all waiting units that fit into the windows, or at least an owed acknowledgement. */
  flush(): void {
    this.#pack()
    for (const name of laneNames) {
      const route = this.#routes[name]
      const lane = this.#out[name]
      if (!route) continue
      for (let unit = lane.take(); unit; unit = lane.take()) {
        this.#owes = false
        route.send(lane.frameOf(unit, { expected: this.expected, window: this.#settings.window }))
        if (this.#routes[name] !== route) break
      }
    }
    if (this.#owes) this.#send('acknowledge')
  }

  /**
   * Ends the session, since the other node, or this node, has ended or was declared dead. Watchers are told that each
   * watched actor has stopped, asks and offers fail, and unacknowledged messages become dead letters. The farewell is the
   * last frame for the other node.
   */
  end(cause: Error, farewell?: Uint8Array<ArrayBuffer>): void {
    if (this.#ended) return
    this.#ended = cause
    const { control, bulk } = this.#routes
    if (farewell) (control ?? bulk)?.send(farewell)
    for (const lane of laneNames) this.#routes[lane]?.close()
    for (const lane of laneNames) this.#routes[lane] = undefined
    const letters = [
      ...this.#out.control.drain(),
      ...this.#out.bulk.drain(),
      ...this.#large.splice(0).flatMap((large) => large.letters),
      ...this.#letters.splice(0),
    ]
    this.#largeBytes = 0
    this.#waiting = undefined
    for (const slot of this.#requested.splice(0)) slot.release()
    this.#filling?.release()
    this.#filling = undefined
    this.#granted.clear()
    if (this.#promised > 0) this.#settings.slots.withdraw()
    this.#promised = 0
    this.#makeSpace()
    for (const { to, message } of letters) this.#deadLetter(to.path, message, 'node-ended', cause)
    for (const { path, refuse } of this.#offers.values()) refuse(kernelError('KERNEL_STOPPED', { path }, { cause }))
    this.#offers.clear()
    for (const cancel of this.#watchesOfPeer.values()) cancel()
    this.#watchesOfPeer.clear()
    for (const { forget } of this.#exported.values()) forget()
    this.#exported.clear()
    this.#lateEnds = []
    for (const ref of this.#watched.values()) ref.terminated(cause)
    this.#watched.clear()
  }

  tell(ref: RemoteRef, message: unknown): void {
    if (this.#ended) return this.#deadLetter(ref.path, message, 'node-ended', this.#ended)
    try {
      const waiting = this.#batch()
      waiting.add([kinds.tell, ref.remoteNumber, message])
      if (this.#isFull(waiting.lastArrayBytes, 1)) {
        waiting.takeLast()
        this.#deadLetter(ref.path, message, 'queue-full')
      } else this.#added(waiting, { to: ref, message })
    } catch (cause) {
      this.#deadLetter(ref.path, message, 'unencodable', cause)
    }
  }

  async offer(ref: RemoteRef, message: unknown): Promise<void> {
    const { path } = ref
    this.#lastOffer += 1
    const call = this.#lastOffer
    // The caller learns the end of an offer, so an offer never becomes a dead letter.
    const offer = new Batch(this.#nameOf)
    offer.add([kinds.offer, ref.remoteNumber, message, call])
    while (!this.#ended && this.#isFull(offer.arrayBytes, offersFill))
      await new Promise<void>((resolve) => this.#crowd.push(resolve))
    if (this.#ended) throw kernelError('KERNEL_STOPPED', { path }, { cause: this.#ended })
    if (offer.arrayBytes > bulkFromBytes) this.#addLarge(offer)
    else {
      const waiting = this.#batch()
      waiting.append(offer)
      this.#added(waiting)
    }
    return new Promise((accept, refuse) => this.#offers.set(call, { path, accept, refuse }))
  }

  watch(ref: RemoteRef): void {
    if (this.#ended) return ref.terminated(this.#ended)
    this.#watched.set(ref.remoteNumber, ref)
    this.#post([kinds.watch, ref.remoteNumber])
  }

  stop(ref: RemoteRef): void {
    if (!this.#ended) this.#post([kinds.stop, ref.remoteNumber])
  }

  /** Gives an actor's ref to the other node outside of a message. Returns its name there. */
  export(ref: ActorRef<never>): RefName {
    return this.#nameOf(addressee(ref))
  }

  /** The ref that the other node has named outside of a message. */
  import(number: number, path: string): RemoteRef {
    const known = this.#watched.get(number) ?? this.#imported.get(number)?.deref()
    if (known) return known
    const ref = new RemoteRef(this, number, path)
    this.#imported.set(number, new WeakRef(ref))
    this.#collected ??= new FinalizationRegistry((gone) => {
      if (!this.#imported.get(gone)?.deref()) this.#imported.delete(gone)
    })
    this.#collected.register(ref, number)
    return ref
  }

  #post(fields: readonly unknown[]): void {
    const waiting = this.#batch()
    waiting.add(fields)
    this.#added(waiting)
  }

  #batch(): Batch {
    this.#waiting ??= new Batch(this.#nameOf)
    return this.#waiting
  }

  /** Called when an envelope waits. A large one goes to the bulk lane. */
  #added(waiting: Batch, letter?: Letter): void {
    if (waiting.lastArrayBytes > bulkFromBytes) return this.#addLarge(waiting.takeLast(), letter)
    if (letter) this.#letters.push(letter)
    if (waiting.count >= this.#out.control.fitting || waiting.arrayBytes > bulkFromBytes) this.#pack()
    this.#wake()
  }

  /** Whether a part of the queue is filled for an envelope with these bytes of arrays. */
  #isFull(arrayBytes: number, part: number): boolean {
    const { queue } = this.#settings
    if (arrayBytes > bulkFromBytes) return this.#out.bulk.bytes + this.#largeBytes > part * queue.bulk
    return this.#out.control.bytes > part * queue.control
  }

  #makeSpace(): void {
    if (this.#crowd.length > 0) for (const wake of this.#crowd.splice(0)) wake()
  }

  #addLarge(message: Batch, letter?: Letter): void {
    this.#bulk.told += 1
    const body = piecesOf(message)
    const isShort = body.bytes <= this.#settings.slotFromBytes || this.#out.bulk.isOneFrame(body.bytes)
    const isAllowed = !isShort && body.bytes <= this.#allowance
    if (isAllowed) {
      this.#allowance = 0
      this.#lastTransfer += 1
    }
    const transfer = isAllowed ? this.#lastTransfer : 0
    const isGranted = isShort || isAllowed
    this.#large.push({ body, letters: letter ? [letter] : [], transfer, isAnnounced: false, isGranted })
    this.#largeBytes += body.bytes
    this.#advanceLarge()
  }

  /** Announces the next large messages, and moves those that may be sent to the lane. */
  #advanceLarge(): void {
    for (const large of this.#large) {
      if (this.#announced === mostAnnounced) break
      if (large.isGranted || large.isAnnounced) continue
      this.#announced += 1
      this.#lastTransfer += 1
      large.transfer = this.#lastTransfer
      large.isAnnounced = true
      this.#post([kinds.announced, large.transfer, large.body.bytes])
    }
    for (let first = this.#large[0]; first?.isGranted; first = this.#large[0]) {
      this.#large.shift()
      this.#largeBytes -= first.body.bytes
      const { body, letters, transfer, isAnnounced } = first
      const arrived = () => {
        if (isAnnounced) this.#announced -= 1
        this.#advanceLarge()
      }
      this.#out.bulk.addBody(body, { letters, transfer, arrived })
    }
    this.#wake()
  }

  /** Makes room for a large message of the other node, which was granted a slot, or promised one. */
  #room(bytes: number, transfer: number): Uint8Array<ArrayBuffer> {
    const { slots, slotFromBytes } = this.#settings
    if (bytes <= slotFromBytes) return new Uint8Array(bytes)
    let slot = this.#granted.get(transfer)
    this.#granted.delete(transfer)
    if (!slot && bytes <= this.#promised) {
      this.#promised = 0
      slot = slots.redeem(bytes)
    }
    if (slot?.bytes !== bytes) throw this.#foreign(`a message of ${bytes} bytes has no slot`)
    this.#filling = slot
    return slot.open()
  }

  /** After a large message: promises room for the next, if there is none that the other node has announced. */
  #promise(bytes: number): void {
    const { slots, slotFromBytes } = this.#settings
    if (bytes <= slotFromBytes || this.#ended || this.#promised > 0 || this.#requested.length > 0) return
    if (!slots.promise()) return
    this.#promised = bytes
    this.#post([kinds.granted, 0, bytes])
  }

  #pack(): void {
    const [waiting, letters] = [this.#waiting, this.#letters]
    if (!waiting?.count) return
    this.#waiting = undefined
    this.#letters = []
    this.#out.control.add(waiting, letters)
  }

  readonly #nameOf = (ref: Addressee): RefName => {
    if (ref instanceof RemoteRef && ref.session === this) return { of: 'receiver', number: ref.remoteNumber }
    const target = ref instanceof ReturnedRef ? (ref.target ?? ref) : ref
    if (!target.hasDecoder) throw linkError('LINK_NO_DECODER', { path: target.path })
    const { number, path } = target
    if (!this.#exported.has(number)) {
      // The listener runs at once if the actor has stopped.
      let hasStopped = false
      const forget = target.onStopped(() => {
        hasStopped = true
        this.#exported.delete(number)
      })
      if (!hasStopped) this.#exported.set(number, { target, forget })
    }
    return { of: 'sender', number, path }
  }

  #refOf(name: RefName): Addressee {
    if (name.of === 'sender') return this.import(name.number, name.path)
    const exported = this.#exported.get(name.number)
    const path = exported?.target.path ?? `/?${name.number}`
    const address = { ...this.#system.node, actor: path, actorIncarnation: name.number }
    if (!exported) return new ReturnedRef(undefined, address, (letter) => this.#system.deadLetter(letter))
    exported.returned ??= new ReturnedRef(exported.target, address, (letter) => this.#system.deadLetter(letter))
    return exported.returned
  }

  #openAll(fields: readonly unknown[]): void {
    for (let at = 0; at < fields.length; ) {
      const kind = fields[at]
      const count = typeof kind === 'number' ? fieldCounts[kind] : undefined
      if (count === undefined) throw this.#foreign(`an envelope is of the unknown kind ${String(kind)}`)
      if (at + count > fields.length) throw this.#foreign('an envelope is incomplete')
      this.#open(kind, fields[at + 1], fields[at + 2], fields[at + 3])
      at += count
    }
  }

  #open(kind: unknown, number: unknown, third: unknown, fourth: unknown): void {
    if (typeof number !== 'number') throw this.#foreign('an envelope has no number')
    switch (kind) {
      case kinds.tell: {
        const exported = this.#exported.get(number)
        if (!exported) return this.#unknown(number, third)
        this.#lendTo(exported.target)
        return exported.target.receive(third)
      }
      case kinds.offer:
        return this.#offered(number, third, fourth)
      case kinds.settled: {
        const offer = this.#offers.get(number)
        this.#offers.delete(number)
        return third instanceof Error ? offer?.refuse(third) : offer?.accept()
      }
      case kinds.watch:
        return this.#watchedByPeer(number)
      case kinds.terminated: {
        const end = () => {
          const ref = this.#watched.get(number)
          this.#watched.delete(number)
          ref?.terminated(fourth ?? undefined)
        }
        this.#lateEnds.push({ bulk: typeof third === 'number' ? third : 0, end })
        return
      }
      case kinds.stop: {
        const exported = this.#exported.get(number)
        if (this.#settings.mayStop) return exported?.target.stop()
        return this.#deadLetter(exported?.target.path ?? `/?${number}`, { type: 'stop' }, 'refused')
      }
      case kinds.announced:
        return this.#announcedByPeer(number, third)
      case kinds.granted: {
        if (number === 0) {
          if (typeof third !== 'number') throw this.#foreign('it promises room for no number of bytes')
          this.#allowance = third
          return
        }
        const large = this.#large.find(({ transfer }) => transfer === number)
        if (!large?.isAnnounced) throw this.#foreign(`it grants a slot to the transfer ${number}`)
        large.isGranted = true
        return this.#advanceLarge()
      }
    }
  }

  #announcedByPeer(transfer: number, bytes: unknown): void {
    const { slots, slotFromBytes, mostMessageBytes } = this.#settings
    if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes <= slotFromBytes || bytes > mostMessageBytes)
      throw this.#foreign(`it announces a message of ${String(bytes)} bytes`)
    if (this.#requested.length >= mostAnnounced) throw this.#foreign(`it announces more than ${mostAnnounced} messages`)
    const slot = slots.request(bytes, (granted) => {
      this.#granted.set(transfer, granted)
      this.#post([kinds.granted, transfer, granted.bytes])
    })
    this.#requested.push(slot)
  }

  #lendTo(target: Addressee): void {
    if (!this.#filled || !target.borrows) return
    lend(this.#filled)
    this.#filled = undefined
  }

  #offered(number: number, message: unknown, call: unknown): void {
    const exported = this.#exported.get(number)
    if (typeof call !== 'number') throw this.#foreign('an offer has no number')
    const settled = (cause: unknown = null) => {
      if (!this.#ended) this.#post([kinds.settled, call, cause])
    }
    if (exported) {
      this.#lendTo(exported.target)
      return void exported.target.receiveOffer(message).then(() => settled(), settled)
    }
    this.#unknown(number, message)
    settled(kernelError('KERNEL_STOPPED', { path: `/?${number}` }))
  }

  #watchedByPeer(number: number): void {
    if (this.#watchesOfPeer.has(number)) return
    const terminated = (cause: unknown = null) => {
      this.#watchesOfPeer.delete(number)
      if (!this.#ended) this.#post([kinds.terminated, number, this.#bulk.told, cause])
    }
    const target = this.#exported.get(number)?.target
    if (!target) return terminated()
    let hasStopped = false
    const cancel = target.onStopped(({ cause }) => {
      hasStopped = true
      terminated(cause instanceof Error || cause === undefined ? cause : new Error(String(cause)))
    })
    if (hasStopped) return
    this.#watchesOfPeer.set(number, cancel)
  }

  /** Reports the ends of watched actors only after all earlier messages, of both lanes. */
  #endLate(): void {
    if (this.#lateEnds.length === 0) return
    const due = this.#lateEnds.filter(({ bulk }) => bulk <= this.#bulk.arrived)
    this.#lateEnds = this.#lateEnds.filter(({ bulk }) => bulk > this.#bulk.arrived)
    for (const { end } of due) end()
  }

  #acknowledged(expected: PerLane, window: PerLane): boolean {
    let isProgress = false
    for (const lane of [this.#out.control, this.#out.bulk]) {
      if (lane.acknowledge(expected[lane.name], this.peer.node)) {
        isProgress = true
        this.#makeSpace()
      }
      if (lane.window !== window[lane.name]) isProgress = true
      lane.window = window[lane.name]
    }
    return isProgress
  }

  #frame(kind: Frame['kind'], lane: LaneName = 'control', first = 0): Frame {
    const { expected } = this
    const { window } = this.#settings
    return { kind, lane, isPart: false, count: 0, first, expected, window, body: new Uint8Array() }
  }

  #send(kind: 'acknowledge' | 'resend' | 'wanted' | 'beat', lane?: LaneName, first?: number): void {
    this.#owes = false
    const { control, bulk } = this.#routes
    const route = control ?? bulk
    route?.send(encodeFrame(this.#frame(kind, lane, first)))
  }

  #unknown(number: number, message: unknown): void {
    this.#deadLetter(`/?${number}`, message, 'unknown-address')
  }

  #deadLetter(path: string, message: unknown, reason: DeadLetterReason, cause?: unknown): void {
    this.#system.deadLetter(cause === undefined ? { path, message, reason } : { path, message, reason, cause })
  }

  #foreign(found: string): Error {
    return linkError('LINK_FRAME', { node: this.peer.node, found })
  }
}
