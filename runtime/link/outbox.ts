import { kernelError } from '../kernel/errors.ts'
import type { PerLane } from './frame.ts'
import { LazyMap } from './lazy-map.ts'
import { type Letter, Letters } from './letters.ts'
import { Batch, type Pieces } from './message-codec.ts'
import { OutgoingLane } from './outgoing-lane.ts'
import type { RemoteRef } from './remote-ref.ts'
import { kinds, mostAnnounced, type SessionContext } from './session-parts.ts'
import type { SessionRefs } from './session-refs.ts'

/** Offers wait when this part of the queue is full. */
const offersFill = 1 / 16

/** A message with more bytes of typed arrays than this travels in the bulk lane. */
const bulkFromBytes = 32 * 1024

/** First memory of a batch, besides as much as the last batch needed. */
const leastBytes = 256

/** A message that waits for its turn in the bulk lane. */
interface Large {
  readonly body: Pieces
  readonly letters: Letters
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

/** The way of envelopes to the other node: from a tell or an offer into the units of the two lanes. */
export class Outbox {
  readonly lanes: Readonly<Record<'control' | 'bulk', OutgoingLane>>
  readonly #context: SessionContext
  readonly #nameOf: SessionRefs['nameOf']
  /** Envelopes of the control lane, which wait for the end of the turn. */
  #waiting: Batch | undefined
  /** How long the last batch became. */
  #lastBytes = 0
  /** Letters of these envelopes. */
  #letters: Letters | undefined
  readonly #offers = new LazyMap<number, Offered>()
  #lastOffer = 0
  /** Offers that wait for space. */
  #crowd: (() => void)[] = []
  /** Messages before the bulk lane, in order: those that need no slot wait for those before them. */
  #large: Large[] = []
  #largeBytes = 0
  #lastTransfer = 0
  /** Number of announced messages that haven't arrived whole. */
  #announced = 0
  /** Longest message that needs no announcement, once: the other node has promised room for it. */
  #allowance = 0
  /** Number of messages that were told in the bulk lane. */
  toldInBulk = 0

  constructor(context: SessionContext, nameOf: SessionRefs['nameOf']) {
    const { frameBytes, buffers } = context.settings
    this.#context = context
    this.#nameOf = nameOf
    this.lanes = {
      control: new OutgoingLane('control', frameBytes.control, buffers),
      bulk: new OutgoingLane('bulk', frameBytes.bulk, buffers),
    }
  }

  /** Whether large messages wait, in the bulk lane or before it. */
  get hasLarge(): boolean {
    return this.lanes.bulk.isBusy || this.#large.length > 0
  }

  tell(ref: RemoteRef, message: unknown): void {
    const context = this.#context
    if (context.ended) return context.deadLetter(ref.path, message, 'node-ended', context.ended)
    try {
      const waiting = this.#batch()
      const { remoteNumber } = ref
      waiting.addThree(kinds.tell, remoteNumber, message)
      const { lastArrayBytes } = waiting
      if (this.#isFull(lastArrayBytes, 1)) {
        waiting.dropLast()
        context.deadLetter(ref.path, message, 'queue-full')
      } else if (lastArrayBytes > bulkFromBytes) {
        waiting.dropLast()
        this.#addLarge([kinds.tell, remoteNumber, message], ref)
      } else {
        this.#letters ??= new Letters()
        this.#letters.add(ref, message)
        this.#waits(waiting)
      }
    } catch (cause) {
      context.deadLetter(ref.path, message, 'unencodable', cause)
    }
  }

  async offer(ref: RemoteRef, message: unknown): Promise<void> {
    const { path } = ref
    const context = this.#context
    this.#lastOffer += 1
    const call = this.#lastOffer
    if (context.ended) throw kernelError('KERNEL_STOPPED', { path }, { cause: context.ended })
    const fields = [kinds.offer, ref.remoteNumber, message, call]
    const add = () => {
      const waiting = this.#batch()
      waiting.add(fields)
      return waiting
    }
    let waiting = add()
    const bytes = waiting.lastArrayBytes
    if (this.#isFull(bytes, offersFill)) {
      waiting.dropLast()
      while (!context.ended && this.#isFull(bytes, offersFill))
        await new Promise<void>((resolve) => this.#crowd.push(resolve))
      if (context.ended) throw kernelError('KERNEL_STOPPED', { path }, { cause: context.ended })
      waiting = add()
    }
    // The caller learns the end of an offer, so an offer never becomes a dead letter.
    this.#added(waiting, fields)
    return new Promise((accept, refuse) => this.#offers.set(call, { path, accept, refuse }))
  }

  /** The other node tells the end of an offer. */
  settled(call: number, cause: unknown): void {
    const offer = this.#offers.get(call)
    this.#offers.delete(call)
    if (cause instanceof Error) offer?.refuse(cause)
    else offer?.accept()
  }

  /** Sends an envelope that isn't a message of an actor. */
  post(fields: readonly unknown[]): void {
    const waiting = this.#batch()
    waiting.add(fields)
    this.#added(waiting, fields)
  }

  /** Moves waiting envelopes into the control lane. */
  pack(): void {
    const [waiting, letters] = [this.#waiting, this.#letters]
    if (!waiting?.count) return
    this.#waiting = undefined
    this.#letters = undefined
    this.#lastBytes = waiting.bytes
    this.lanes.control.add(waiting, letters)
  }

  /** Takes what the other node expects and permits. Returns whether more may be sent now. @throws LINK_FRAME */
  acknowledge(expected: PerLane, window: PerLane): boolean {
    let isProgress = false
    for (const lane of [this.lanes.control, this.lanes.bulk]) {
      if (lane.acknowledge(expected[lane.name], this.#context.peer.node)) {
        isProgress = true
        this.#makeSpace()
      }
      // Frames beyond this node's own window would only fill its memory.
      const granted = Math.min(window[lane.name], this.#context.settings.window[lane.name])
      if (lane.window !== granted) isProgress = true
      lane.window = granted
    }
    return isProgress
  }

  /** The other node has promised room for the next message of this length, or shorter. */
  allow(bytes: unknown): void {
    if (typeof bytes !== 'number') throw this.#context.foreign('it promises room for no number of bytes')
    this.#allowance = bytes
  }

  /** The other node has granted a slot to an announced message. */
  grant(transfer: number): void {
    const large = this.#large.find((waiting) => waiting.transfer === transfer)
    if (!large?.isAnnounced) throw this.#context.foreign(`it grants a slot to the transfer ${transfer}`)
    large.isGranted = true
    this.#advanceLarge()
  }

  /** The session has ended. Returns the letters of all unacknowledged envelopes. */
  drain(): readonly Letter[] {
    const letters = [
      ...this.lanes.control.drain(),
      ...this.lanes.bulk.drain(),
      ...this.#large.splice(0).flatMap((large) => [...large.letters]),
      ...(this.#letters ?? []),
    ]
    this.#largeBytes = 0
    this.#waiting = undefined
    this.#letters = undefined
    this.#makeSpace()
    return letters
  }

  refuseOffers(cause: Error): void {
    for (const { path, refuse } of this.#offers.values()) refuse(kernelError('KERNEL_STOPPED', { path }, { cause }))
    this.#offers.clear()
  }

  #batch(): Batch {
    this.#waiting ??= new Batch(this.#nameOf, leastBytes + this.#lastBytes)
    return this.#waiting
  }

  /** Called when an envelope waits that wasn't told to an actor. A large one goes to the bulk lane. */
  #added(waiting: Batch, fields: readonly unknown[]): void {
    if (waiting.lastArrayBytes <= bulkFromBytes) return this.#waits(waiting)
    waiting.dropLast()
    this.#addLarge(fields)
  }

  /** Called when an envelope waits for the end of the turn. */
  #waits(waiting: Batch): void {
    if (this.lanes.control.isFilledBy(waiting)) this.pack()
    this.#context.wake()
  }

  /** Whether a part of the queue is filled for an envelope with these bytes of arrays. */
  #isFull(arrayBytes: number, part: number): boolean {
    const { queue } = this.#context.settings
    if (arrayBytes > bulkFromBytes) return this.lanes.bulk.bytes + this.#largeBytes > part * queue.bulk
    return this.lanes.control.bytes > part * queue.control
  }

  #makeSpace(): void {
    if (this.#crowd.length > 0) for (const wake of this.#crowd.splice(0)) wake()
  }

  #addLarge(fields: readonly unknown[], told?: RemoteRef): void {
    this.toldInBulk += 1
    const large = new Batch(this.#nameOf)
    large.add(fields)
    const body = large.pieces()
    const isShort = body.bytes <= this.#context.settings.slotFromBytes || this.lanes.bulk.isOneFrame(body.bytes)
    const isAllowed = !isShort && body.bytes <= this.#allowance
    if (isAllowed) {
      this.#allowance = 0
      this.#lastTransfer += 1
    }
    const transfer = isAllowed ? this.#lastTransfer : 0
    const isGranted = isShort || isAllowed
    const letters = new Letters()
    if (told) letters.add(told, fields[2])
    this.#large.push({ body, letters, transfer, isAnnounced: false, isGranted })
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
      this.post([kinds.announced, large.transfer, large.body.bytes])
    }
    for (let first = this.#large[0]; first?.isGranted; first = this.#large[0]) {
      this.#large.shift()
      this.#largeBytes -= first.body.bytes
      const { body, letters, transfer, isAnnounced } = first
      const arrived = () => {
        if (isAnnounced) this.#announced -= 1
        this.#advanceLarge()
      }
      this.lanes.bulk.addBody(body, letters, { transfer, arrived })
    }
    this.#context.wake()
  }
}
