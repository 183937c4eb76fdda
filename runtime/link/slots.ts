import { isObject } from '../decoding/guards.ts'
import type { Cancel } from '../kernel/protocol.ts'

/** The part of a link's actor that slots use: one timer at a time. */
export interface SlotTimer {
  /** Calls `overdue` after the time for which waiting transfers have patience. */
  start(): Cancel
}

/**
 * The buffers in which a node assembles large messages of all its sessions. Each of a fixed number of slots holds one
 * message from the grant of its transfer until the consumer has released the message. If no slot becomes free for some
 * time while transfers wait, the oldest holder keeps its buffer for good, and its slot gets another: so a slow sender, a
 * lost one, or a consumer that waits for another message, delays the others, but never blocks them.
 */
export class Slots {
  readonly #timer: SlotTimer
  readonly #count: number
  readonly #buffers: ArrayBuffer[] = []
  /** In the order of the grants. */
  readonly #held = new Set<Slot>()
  #waiting: Slot[] = []
  #promises = 0
  #patience: Cancel | undefined

  constructor(count: number, timer: SlotTimer) {
    this.#count = count
    this.#timer = timer
  }

  /** Asks for a slot for a message of this length. `granted` is called at once, or when a slot is free. */
  request(bytes: number, granted: (slot: Slot) => void): Slot {
    const slot: Slot = new Slot(bytes, granted, this)
    this.#waiting.push(slot)
    this.#grant()
    return slot
  }

  /**
   * Promises room for the next message of a session, if no other waits: its sender needn't ask, which saves a message
   * there and back. There are at most as many promises as slots, and none while consumers lag behind.
   */
  promise(): boolean {
    if (this.#promises >= this.#count || this.#waiting.length > 0) return false
    if (this.#held.size + this.#promises > this.#count) return false
    this.#promises += 1
    return true
  }

  /** Keeps a promise, even if all slots are taken. */
  redeem(bytes: number): Slot {
    this.#promises -= 1
    const slot = new Slot(bytes, () => {}, this)
    this.#held.add(slot)
    return slot
  }

  /** The session with the promise has ended. */
  withdraw(): void {
    this.#promises -= 1
  }

  /** Called when no slot became free in time. */
  overdue(): void {
    this.#patience = undefined
    const [oldest] = this.#held
    if (oldest && this.#waiting.length > 0) oldest.keep()
  }

  /** A buffer of at least this length, but not of more than twice the length. */
  buffer(bytes: number): ArrayBuffer {
    const index = this.#buffers.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= 2 * bytes)
    const [known] = index < 0 ? [] : this.#buffers.splice(index, 1)
    if (known) return known
    // Buffers of other lengths make way, so that idle and held buffers together are never more than the slots.
    this.#buffers.pop()
    return new ArrayBuffer(bytes)
  }

  free(slot: Slot, buffer?: ArrayBuffer): void {
    if (!this.#held.delete(slot)) {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== slot)
      return
    }
    if (buffer && this.#buffers.length + this.#held.size < this.#count) this.#buffers.push(buffer)
    this.#patience?.()
    this.#patience = undefined
    this.#grant()
  }

  #grant(): void {
    while (this.#held.size < this.#count) {
      const slot = this.#waiting.shift()
      if (!slot) return
      this.#held.add(slot)
      slot.granted(slot)
    }
    if (this.#waiting.length > 0) this.#patience ??= this.#timer.start()
  }
}

/** One message's place. */
export class Slot {
  readonly bytes: number
  readonly granted: (slot: Slot) => void
  readonly #slots: Slots
  #buffer: ArrayBuffer | undefined
  #isKept = false

  constructor(bytes: number, granted: (slot: Slot) => void, slots: Slots) {
    this.bytes = bytes
    this.granted = granted
    this.#slots = slots
  }

  /** The buffer in which the message is assembled. */
  open(): Uint8Array<ArrayBuffer> {
    this.#buffer ??= this.#isKept ? new ArrayBuffer(this.bytes) : this.#slots.buffer(this.bytes)
    return new Uint8Array(this.#buffer, 0, this.bytes)
  }

  /** Gives the slot back, and the buffer with it. Views of the buffer are empty from now on. */
  release(): void {
    const given = this.#buffer
    this.#buffer = undefined
    const buffer = given && structuredClone(given, { transfer: [given] })
    if (this.#isKept) return
    this.#isKept = true
    this.#slots.free(this, buffer)
  }

  /** Gives the slot back, but not the buffer, which is its message's for good. */
  keep(): void {
    if (this.#isKept) return
    this.#isKept = true
    this.#slots.free(this)
  }
}

/** By buffer: the slot of a message that was lent to an actor. */
const loans = new WeakMap<ArrayBufferLike, Slot>()
/** Whether any message was lent: without links, messages needn't be searched for lent arrays. */
let hasLent = false

/** Lends a message's arrays, which are views of its slot's buffer, to the consumer. */
export function lend(slot: Slot): void {
  hasLent = true
  loans.set(slot.open().buffer, slot)
}

/**
 * Ends the loan of a message, or of a part that has the message's arrays: an actor that was spawned with `borrows` has
 * used them, and the node may receive another message into their memory. The arrays are empty afterwards. Without effect
 * on messages that weren't lent, such as those of this node's actors.
 */
export function release(message: unknown): void {
  if (hasLent) endLoan(message, (slot) => slot.release())
}

/** Ends the loan of a message whose arrays are used further: they are the consumer's own from now on. */
export function keep(message: unknown): void {
  if (hasLent) endLoan(message, (slot) => slot.keep())
}

/** A lent message has one buffer: the first array tells. */
function endLoan(message: unknown, end: (slot: Slot) => void, levels = 8): boolean {
  if (!isObject(message) || levels === 0) return false
  if (ArrayBuffer.isView(message)) {
    const slot = loans.get(message.buffer)
    if (!slot) return false
    loans.delete(message.buffer)
    end(slot)
    return true
  }
  const prototype: unknown = Object.getPrototypeOf(message)
  if (prototype !== Object.prototype && prototype !== Array.prototype) return false
  for (const part of Object.values(message)) if (endLoan(part, end, levels - 1)) return true
  return false
}
