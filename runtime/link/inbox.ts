import type { Addressee } from '../kernel/addressee.ts'
import { kernelError } from '../kernel/errors.ts'
import type { LaneName } from './frame.ts'
import { IncomingLane } from './incoming-lane.ts'
import { LazyMap } from './lazy-map.ts'
import { valuesOf } from './message-codec.ts'
import type { Outbox } from './outbox.ts'
import { fieldCounts, kinds, mostAnnounced, type SessionContext } from './session-parts.ts'
import type { SessionRefs } from './session-refs.ts'
import type { SessionWatches } from './session-watches.ts'
import { lend, type Slot } from './slots.ts'

/** The parts of a session that arriving envelopes concern. */
export interface InboxParts {
  readonly outbox: Outbox
  readonly refs: SessionRefs
  readonly watches: SessionWatches
}

/** The way of the other node's envelopes: from whole bodies to actors, large ones in slots. */
export class Inbox {
  readonly lanes: Readonly<Record<LaneName, IncomingLane>>
  readonly #context: SessionContext
  readonly #outbox: Outbox
  readonly #refs: SessionRefs
  readonly #watches: SessionWatches
  /** Slots that the other node's announced messages await or fill; by number of the transfer, those that were granted. */
  #requested: Slot[] = []
  readonly #granted = new LazyMap<number, Slot>()
  /** Longest message for which this node has promised room. */
  #promised = 0
  /** The slot of the message whose parts arrive, and of the one that is opened now. */
  #filling: Slot | undefined
  #filled: Slot | undefined
  /** Number of messages that have arrived in the bulk lane. */
  #arrivedInBulk = 0

  constructor(context: SessionContext, { outbox, refs, watches }: InboxParts) {
    this.#context = context
    this.#outbox = outbox
    this.#refs = refs
    this.#watches = watches
    const { mostMessageBytes } = context.settings
    this.lanes = {
      control: new IncomingLane(mostMessageBytes),
      bulk: new IncomingLane(mostMessageBytes, (bytes, transfer) => this.#room(bytes, transfer)),
    }
  }

  /** Opens the envelopes of a whole body. @throws LINK_FRAME, LINK_VALUE */
  open(lane: LaneName, body: Uint8Array<ArrayBuffer>): void {
    if (lane === 'bulk') {
      this.#arrivedInBulk += 1
      this.#filled = this.#filling
      this.#filling = undefined
      this.#requested = this.#requested.filter((slot) => slot !== this.#filled)
    }
    try {
      this.#openAll(valuesOf(body, (name) => this.#refs.refOf(name)))
    } finally {
      // Nobody has borrowed the message, so its buffer belongs to it.
      this.#filled?.keep()
      this.#filled = undefined
      if (lane === 'bulk') this.#promise(body.length)
    }
    this.#watches.endLate(this.#arrivedInBulk)
  }

  /** The session has ended: its slots are for others. */
  end(): void {
    for (const slot of this.#requested.splice(0)) slot.release()
    this.#filling?.release()
    this.#filling = undefined
    this.#granted.clear()
    if (this.#promised > 0) this.#context.settings.slots.withdraw()
    this.#promised = 0
  }

  /** Makes room for a large message of the other node, which was granted a slot, or promised one. */
  #room(bytes: number, transfer: number): Uint8Array<ArrayBuffer> {
    const { slots, slotFromBytes } = this.#context.settings
    if (bytes <= slotFromBytes) return new Uint8Array(bytes)
    let slot = this.#granted.get(transfer)
    this.#granted.delete(transfer)
    if (!slot && bytes <= this.#promised) {
      this.#promised = 0
      slot = slots.redeem(bytes)
    }
    if (slot?.bytes !== bytes) throw this.#context.foreign(`a message of ${bytes} bytes has no slot`)
    this.#filling = slot
    return slot.open()
  }

  /** After a large message: promises room for the next, if there is none that the other node has announced. */
  #promise(bytes: number): void {
    const { slots, slotFromBytes } = this.#context.settings
    if (bytes <= slotFromBytes || this.#context.ended || this.#promised > 0 || this.#requested.length > 0) return
    if (!slots.promise()) return
    this.#promised = bytes
    this.#outbox.post([kinds.granted, 0, bytes])
  }

  #openAll(fields: readonly unknown[]): void {
    for (let at = 0; at < fields.length; ) {
      const kind = fields[at]
      const count = typeof kind === 'number' ? fieldCounts[kind] : undefined
      if (count === undefined) throw this.#context.foreign(`an envelope is of the unknown kind ${String(kind)}`)
      if (at + count > fields.length) throw this.#context.foreign('an envelope is incomplete')
      this.#open(kind, fields[at + 1], fields[at + 2], fields[at + 3])
      at += count
    }
  }

  #open(kind: unknown, number: unknown, third: unknown, fourth: unknown): void {
    if (typeof number !== 'number') throw this.#context.foreign('an envelope has no number')
    switch (kind) {
      case kinds.tell: {
        const target = this.#refs.target(number)
        if (!target) return this.#context.unknownAddress(number, third)
        this.#lendTo(target)
        return target.receive(third)
      }
      case kinds.offer:
        return this.#offered(number, third, fourth)
      case kinds.settled:
        return this.#outbox.settled(number, third)
      case kinds.watch:
        return this.#watches.watchedByPeer(number)
      case kinds.terminated:
        return this.#watches.stopped(number, third, fourth)
      case kinds.stop: {
        const target = this.#refs.target(number)
        if (this.#context.settings.mayStop) return target?.stop()
        return this.#context.deadLetter(target?.path ?? `/?${number}`, { type: 'stop' }, 'refused')
      }
      case kinds.announced:
        return this.#announced(number, third)
      case kinds.granted:
        return number === 0 ? this.#outbox.allow(third) : this.#outbox.grant(number)
    }
  }

  #announced(transfer: number, bytes: unknown): void {
    const { slots, slotFromBytes, mostMessageBytes } = this.#context.settings
    if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes <= slotFromBytes || bytes > mostMessageBytes)
      throw this.#context.foreign(`it announces a message of ${String(bytes)} bytes`)
    if (this.#requested.length >= mostAnnounced)
      throw this.#context.foreign(`it announces more than ${mostAnnounced} messages`)
    const slot = slots.request(bytes, (granted) => {
      this.#granted.set(transfer, granted)
      this.#outbox.post([kinds.granted, transfer, granted.bytes])
    })
    this.#requested.push(slot)
  }

  #lendTo(target: Addressee): void {
    if (!this.#filled || !target.borrows) return
    lend(this.#filled)
    this.#filled = undefined
  }

  #offered(number: number, message: unknown, call: unknown): void {
    if (typeof call !== 'number') throw this.#context.foreign('an offer has no number')
    const settled = (cause: unknown = null) => {
      if (!this.#context.ended) this.#outbox.post([kinds.settled, call, cause])
    }
    const target = this.#refs.target(number)
    if (target) {
      this.#lendTo(target)
      return void target.receiveOffer(message).then(() => settled(), settled)
    }
    this.#context.unknownAddress(number, message)
    settled(kernelError('KERNEL_STOPPED', { path: `/?${number}` }))
  }
}
