import { linkError } from './errors.ts'
import type { RouteListener } from './frame.ts'

/** A stranger may send this much to a route that nobody listens to yet. */
const mostEarlyBytes = 4 * 1024 * 1024

/** The receiving side of one end of a route: keeps frames for the listener, and lets no fault of the listener out. */
export class Arrivals {
  readonly #close: () => void
  #listener: RouteListener | undefined
  #early: Uint8Array<ArrayBuffer>[] = []
  #earlyBytes = 0
  #isOver = false
  /** Tells the listener of a loss that came before the listener. */
  #tellLoss: ((listener: RouteListener) => void) | undefined

  /** `close` closes what carries the frames, after a fault of the other end or of the listener. */
  constructor(close: () => void) {
    this.#close = close
  }

  /** Whether the route is lost or closed. */
  get isOver(): boolean {
    return this.#isOver
  }

  heard(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#isOver) return
    if (!this.#listener) {
      this.#early.push(frame)
      this.#earlyBytes += frame.length
      if (this.#earlyBytes > mostEarlyBytes) this.fail(linkError('LINK_ROUTE', { found: 'frames came too early' }))
      return
    }
    try {
      this.#listener.heard(frame)
    } catch (thrown) {
      this.fail(thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
  }

  listen(listener: RouteListener): void {
    this.#listener = listener
    for (const frame of this.#early.splice(0)) this.heard(frame)
    this.#tellLoss?.(listener)
  }

  /** Somebody says that the other node is gone. */
  doubt(): void {
    if (!this.#isOver) this.#listener?.doubted?.()
  }

  /** No further frame arrives. */
  lose(cause?: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    const tell = (listener: RouteListener) => listener.lost(cause)
    if (this.#listener) tell(this.#listener)
    else this.#tellLoss = tell
  }

  /** Closes the route for a fault. */
  fail(cause: Error): void {
    if (this.#isOver) return
    this.#early = []
    this.lose(cause)
    this.#close()
  }

  /** This end closes the route, and hears nothing more. */
  close(): void {
    this.#isOver = true
    this.#early = []
  }
}
