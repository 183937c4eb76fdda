/** A callback with its time. */
export interface Timer {
  readonly atMs: number
  readonly order: number
  callback: (() => void) | undefined
}

/**
 * Timers by time and then by order of scheduling, in a binary heap. Cancelled timers stay in the heap until their time,
 * but don't count.
 */
export class TimerQueue {
  readonly #heap: Timer[] = []
  #order = 0
  #cancelled = 0

  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  /** Adds a timer. Returns a function that cancels it. */
  add(atMs: number, callback: () => void): () => void {
    const timer: Timer = { atMs, order: this.#order++, callback }
    this.#heap.push(timer)
    this.#rise(this.#heap.length - 1)
    return () => {
      if (!timer.callback) return
      timer.callback = undefined
      this.#cancelled += 1
    }
  }

  /** Time of the next timer. */
  nextMs(): number | undefined {
    while (this.#heap[0] && !this.#heap[0].callback) {
      this.#removeFirst()
      this.#cancelled -= 1
    }
    return this.#heap[0]?.atMs
  }

  /** Takes the callback of the next timer. */
  take(): (() => void) | undefined {
    if (this.nextMs() === undefined) return undefined
    const timer = this.#removeFirst()
    const callback = timer?.callback
    if (timer) timer.callback = undefined
    return callback
  }

  #removeFirst(): Timer | undefined {
    const [first] = this.#heap
    const last = this.#heap.pop()
    if (last && this.#heap.length > 0) {
      this.#heap[0] = last
      this.#sink(0)
    }
    return first
  }

  #rise(from: number): void {
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#before(index, parent)) return
      this.#swap(index, parent)
      index = parent
    }
  }

  #sink(from: number): void {
    let index = from
    for (;;) {
      const left = 2 * index + 1
      let least = index
      if (left < this.#heap.length && this.#before(left, least)) least = left
      if (left + 1 < this.#heap.length && this.#before(left + 1, least)) least = left + 1
      if (least === index) return
      this.#swap(index, least)
      index = least
    }
  }

  #before(a: number, b: number): boolean {
    const first = this.#heap[a]
    const second = this.#heap[b]
    if (!first || !second) return false
    return first.atMs < second.atMs || (first.atMs === second.atMs && first.order < second.order)
  }

  #swap(a: number, b: number): void {
    const first = this.#heap[a]
    const second = this.#heap[b]
    if (!first || !second) return
    this.#heap[a] = second
    this.#heap[b] = first
  }
}
