/** Aborts with a caller's signal, or by itself once a time has passed, until it's lifted. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Whether it was the time that aborted. */
  readonly passed: boolean
  /** The time aborts no more; the caller's signal does. */
  lift(): void
}

export function deadline(timeoutMs: number, caller: AbortSignal | undefined): Deadline {
  const controller = new AbortController()
  let passed = false
  const timer = setTimeout(() => {
    passed = true
    controller.abort(new DOMException('the time has passed', 'TimeoutError'))
  }, timeoutMs)
  return {
    // Unlike a listener of its own, this leaves nothing at a caller's signal that lives on.
    signal: caller ? AbortSignal.any([controller.signal, caller]) : controller.signal,
    get passed() {
      return passed
    },
    lift: () => clearTimeout(timer),
  }
}
