/** Shorter frames get memory of their own, which costs less than the search for a buffer. */
const pooledFromBytes = 32 * 1024

/** Buffers for frames of all sessions of a node: fresh memory costs more than a copy, since its pages must be made. */
export class FrameBuffers {
  readonly #free: Uint8Array<ArrayBuffer>[] = []
  readonly #most = 16

  take(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes < pooledFromBytes) return new Uint8Array(bytes)
    const index = this.#free.findLastIndex((buffer) => buffer.length >= bytes)
    const [buffer = new Uint8Array(bytes)] = index < 0 ? [] : this.#free.splice(index, 1)
    return buffer
  }

  /** Takes a buffer back. No route may still hold it. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length >= pooledFromBytes && this.#free.length < this.#most) this.#free.push(buffer)
  }
}
