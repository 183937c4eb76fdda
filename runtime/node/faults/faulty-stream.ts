import type { Socket } from 'node:net'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Faults of a network. Absent faults don't happen. */
export interface Faults {
  /** Time that each byte is under way in one direction, and a random part on top. Bytes stay in order. */
  readonly delayMs?: number
  readonly jitterMs?: number
  /** Speed of each direction of each connection. */
  readonly bytesPerSecond?: number
  /** Mean time between cuts. Each cut ends one connection, chosen at random. */
  readonly cutEveryMs?: number
  /**
   * Share of cuts, from 0 to 1, of which the dialling side hears at once and the other side only `lateMs` later, after all
   * bytes under way: bytes that are sent again on the next connection then overtake, or double, bytes of this one.
   */
  readonly lateShare?: number
  /** Default: 100. */
  readonly lateMs?: number
  /** Cuts a connection once this many bytes have passed in one of its directions. */
  readonly cutAfterBytes?: number
  /** Share of the pieces of at most 16 KiB, from 0 to 1, in which one byte is changed. */
  readonly damagedShare?: number
  /**
   * Swallows all bytes, and the end of each connection, as a router does that has lost its memory or its power. A
   * connection that lost bytes stays silent for ever; connections made later are well.
   */
  readonly isSilent?: boolean
  /** Ends each new connection at once. */
  readonly isRefusing?: boolean
}

const skippedNumbers = 20

/** Chances that a seed decides. */
export class Chances {
  readonly #generator

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed)
    // The first numbers of small seeds are alike.
    for (let skipped = 0; skipped < skippedNumbers; skipped++) this.#generator.next()
  }

  /** A number from 0 up to, but not including, 1. */
  part(): number {
    return (this.#generator.next() >>> 0) / 2 ** 32
  }

  /** A whole number below `count`. */
  below(count: number): number {
    return Math.floor(this.part() * count)
  }

  happens(share: number): boolean {
    return share > 0 && this.part() < share
  }

  /** A time of an exponential distribution with this mean. */
  interval(meanMs: number): number {
    return -Math.log(1 - this.part()) * meanMs
  }
}

const pieceBytes = 16 * 1024
/** A sender is held back while this much waits for the throttle, as in the buffer of a router. */
const bufferedMs = 30
/** A sender is held back while this much is under way, whatever the delay. */
const mostUnderWay = 8 * 1024 * 1024

/** One piece, or the end of the stream, with the time at which it is due. */
interface Piece {
  readonly bytes: Uint8Array | undefined
  readonly dueMs: number
}

/** What a stream tells its connection. */
export interface StreamEvents {
  /** A piece was changed. */
  damaged(): void
  /** `cutAfterBytes` have passed. */
  passedAll(): void
}

/**
 * One direction of a connection. All pieces are in one queue with one timer: with a timer for each piece, pieces would
 * overtake each other.
 */
export class FaultyStream {
  readonly #from: Socket
  readonly #to: Socket
  readonly #chances: Chances
  readonly #events: StreamEvents
  #queue: Piece[] = []
  #bytesUnderWay = 0
  #passedBytes = 0
  /** The time at which the throttle has let everything through. */
  #freeMs = 0
  #lastDueMs = 0
  #timer: NodeJS.Timeout | undefined
  #isDraining = false
  #onEmpty: (() => void) | undefined
  faults: Faults
  /** Whether bytes, or the end, were swallowed. */
  isSilent = false

  constructor(from: Socket, to: Socket, faults: Faults, chances: Chances, events: StreamEvents) {
    this.#from = from
    this.#to = to
    this.faults = faults
    this.#chances = chances
    this.#events = events
    from.on('data', (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; at += pieceBytes) this.#add(bytes.subarray(at, at + pieceBytes))
      this.#holdBack()
    })
    from.on('end', () => this.#add(undefined))
  }

  get bytesUnderWay(): number {
    return this.#bytesUnderWay
  }

  /** Forgets all that is under way. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#queue = []
    this.#bytesUnderWay = 0
  }

  /** Calls once everything under way has been passed on. */
  whenEmpty(call: () => void): void {
    this.#onEmpty = call
    this.#deliver()
  }

  #add(bytes: Uint8Array | undefined): void {
    const { delayMs = 0, jitterMs = 0, bytesPerSecond = Infinity, damagedShare = 0, isSilent = false } = this.faults
    this.isSilent ||= isSilent
    if (this.isSilent) return
    if (bytes && this.#chances.happens(damagedShare)) {
      const at = this.#chances.below(bytes.length)
      bytes[at] = (bytes[at] ?? 0) ^ (1 + this.#chances.below(255))
      this.#events.damaged()
    }
    const length = bytes?.length ?? 0
    const now = performance.now()
    this.#freeMs = Math.max(now, this.#freeMs) + (length / bytesPerSecond) * 1000
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#freeMs + delayMs + this.#chances.part() * jitterMs)
    this.#queue.push({ bytes, dueMs: this.#lastDueMs })
    this.#bytesUnderWay += length
    this.#deliver()
  }

  /** Passes on the pieces that are due, and waits for the next piece. */
  #deliver(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#isDraining) return
    const now = performance.now()
    for (let piece = this.#queue[0]; piece; piece = this.#queue[0]) {
      if (piece.dueMs > now) {
        this.#timer = setTimeout(() => this.#deliver(), Math.ceil(piece.dueMs - now))
        return
      }
      this.#queue.shift()
      if (!piece.bytes) this.#to.end()
      this.#bytesUnderWay -= piece.bytes?.length ?? 0
      const left = (this.faults.cutAfterBytes ?? Infinity) - this.#passedBytes
      this.#passedBytes += piece.bytes?.length ?? 0
      if (piece.bytes && piece.bytes.length > left) {
        if (left > 0) this.#to.write(piece.bytes.subarray(0, left))
        return this.#events.passedAll()
      }
      if (piece.bytes && this.#to.writable && !this.#to.write(piece.bytes)) return this.#drain()
    }
    this.#onEmpty?.()
  }

  #drain(): void {
    this.#isDraining = true
    this.#to.once('drain', () => {
      this.#isDraining = false
      this.#deliver()
      this.#holdBack()
    })
  }

  #holdBack(): void {
    const waitsMs = this.#freeMs - performance.now()
    if (waitsMs <= bufferedMs && this.#bytesUnderWay <= mostUnderWay) return
    if (this.#from.isPaused()) return
    this.#from.pause()
    const goOn = () => {
      if (this.#from.destroyed) return
      if (this.#bytesUnderWay > mostUnderWay) setTimeout(goOn, 5).unref()
      else this.#from.resume()
    }
    setTimeout(goOn, Math.max(1, waitsMs - bufferedMs)).unref()
  }
}
