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
  other: MemoryEnd | undefined
  #listener: RouteListener | undefined
  /** Frames that arrived before the listener. */
  #early: Uint8Array<ArrayBuffer>[] = []
  #isLost = false

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.other?.deliver(frame.slice())
  }

  listen(listener: RouteListener): void {
    this.#listener = listener
    for (const frame of this.#early.splice(0)) listener.heard(frame)
    if (this.#isLost) listener.lost()
  }

  close(): void {
    const { other } = this
    this.#isLost = true
    this.other = undefined
    other?.lose()
  }

  deliver(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#isLost) return
    if (this.#listener) this.#listener.heard(frame)
    else this.#early.push(frame)
  }

  lose(): void {
    if (this.#isLost) return
    this.#isLost = true
    this.other = undefined
    this.#listener?.lost()
  }
}
