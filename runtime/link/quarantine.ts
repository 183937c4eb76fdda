/** Faults without a consequence: a token may just have ended, a frame may have been damaged. */
const freeFaults = 4
const firstMs = 1000
const longestMs = 10 * 60_000
/** Most names that are kept. The oldest fault is forgotten first. */
const mostNames = 10_000

interface Offender {
  faults: number
  lastMs: number
  untilMs: number
  isTold: boolean
}

/** Keeps nodes out whose faults repeat: by address and by identity, for times that double from 1 s to 10 minutes. */
export class Quarantine {
  readonly #offenders = new Map<string, Offender>()

  /** How long a name is still kept out; 0 if it isn't. `isTold`: whether this was asked before. */
  leftMs(name: string, nowMs: number): { readonly forMs: number; readonly isTold: boolean } {
    const offender = this.#offenders.get(name)
    const forMs = Math.max(0, (offender?.untilMs ?? 0) - nowMs)
    const isTold = offender?.isTold ?? false
    if (offender && forMs > 0) offender.isTold = true
    return { forMs, isTold }
  }

  /** Counts a fault. Faults are forgotten after ten minutes without another. */
  fault(name: string, nowMs: number): void {
    const known = this.#offenders.get(name)
    const faults = known && nowMs - Math.max(known.lastMs, known.untilMs) < longestMs ? known.faults + 1 : 1
    const beyond = faults - freeFaults
    // 2¹⁰ seconds are longer than the longest time.
    const forMs = beyond > 0 ? Math.min(longestMs, firstMs * 2 ** Math.min(10, beyond - 1)) : 0
    this.#offenders.delete(name)
    this.#offenders.set(name, { faults, lastMs: nowMs, untilMs: nowMs + forMs, isTold: false })
    const [oldest] = this.#offenders.size > mostNames ? this.#offenders.keys() : []
    if (oldest !== undefined) this.#offenders.delete(oldest)
  }

  /** Forgets the faults of a name from which a node was let in. */
  forgive(name: string): void {
    this.#offenders.delete(name)
  }
}
