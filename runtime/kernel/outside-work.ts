import type { Scheduler } from './protocol.ts'

/** Work that may have ended, and whose end isn't told yet. */
interface Held {
  /** Tells the end. Undefined until the work has ended. */
  tell: (() => void) | undefined
}

/**
 * Work outside of an actor system. The ends of works are told in the order that a scheduler picks, whichever work takes
 * longer: so a seed reproduces a run in which threads or the platform work.
 */
export class OutsideWork {
  readonly #scheduler: Scheduler
  readonly #ended: () => void
  /** In the order of their beginnings. */
  readonly #held: Held[] = []
  #picked: Held | undefined

  /** `ended` is called when work has ended. */
  constructor(scheduler: Scheduler, ended: () => void) {
    this.#scheduler = scheduler
    this.#ended = ended
  }

  get isPending(): boolean {
    return this.#held.length > 0
  }

  /** The result of work, once the scheduler has picked the work. After the abort, at once. */
  hold<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const held: Held = { tell: undefined }
      const letGo = () => {
        this.#drop(held)
        held.tell?.()
        this.#ended()
      }
      const settle = (tell: () => void) => {
        held.tell = () => {
          // Not earlier: the works among which the scheduler picks must not depend on the time that they take.
          signal.removeEventListener('abort', letGo)
          tell()
        }
        if (this.#held.includes(held)) this.#ended()
        else held.tell()
      }
      work.then(
        (result) => settle(() => resolve(result)),
        (cause: unknown) => settle(() => reject(cause)),
      )
      if (signal.aborted) return
      this.#held.push(held)
      signal.addEventListener('abort', letGo)
    })
  }

  /** Tells the end of the work that the scheduler picks. False as long as this work hasn't ended. */
  tellNext(): boolean {
    this.#picked ??= this.#held[this.#held.length > 1 ? this.#scheduler.pick(this.#held.length) : 0]
    const tell = this.#picked?.tell
    if (!this.#picked || !tell) return false
    this.#drop(this.#picked)
    tell()
    return true
  }

  #drop(held: Held): void {
    const at = this.#held.indexOf(held)
    if (at >= 0) this.#held.splice(at, 1)
    if (this.#picked === held) this.#picked = undefined
  }
}
