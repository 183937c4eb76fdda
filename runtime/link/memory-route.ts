import { Arrivals } from './arrivals.ts'
import type { Route, RouteListener } from './frame.ts'

/** A route between two nodes of one process. Each end receives copies of the other end's frames. */
export function memoryRoute(): readonly [Route, Route] {
  const left = new MemoryEnd()
  const right = new MemoryEnd()
  left.other = right
  right.other = left
  return [left, right]
}

class MemoryEnd implements Route {
  /** Frames are copied as they are sent. */
  readonly queuedBytes = 0
  other: MemoryEnd | undefined
  readonly #arrivals = new Arrivals(() => this.#leave())

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.#arrivals.isOver) this.other?.deliver(frame.slice())
  }

  listen(listener: RouteListener): void {
    this.#arrivals.listen(listener)
  }

  close(): void {
    this.#arrivals.close()
    this.#leave()
  }

  deliver(frame: Uint8Array<ArrayBuffer>): void {
    this.#arrivals.heard(frame)
  }

  lose(): void {
    this.other = undefined
    this.#arrivals.lose()
  }

  #leave(): void {
    const { other } = this
    this.other = undefined
    other?.lose()
  }
}
