import type { HeldUpdate } from '../../learn/role-learner.ts'
import { type DeltaHolder, type DeltaPeak, HeldDelta, type Quanta, type SumName } from '../../sum/accumulator.ts'
import type { HeldMessage, HeldReceipt, HeldVector } from './held-sums.ts'

/** A thread that keeps vectors. */
export interface HoldingThread extends DeltaHolder {
  tell(message: Extract<HeldMessage, { type: 'add' | 'drop' }>): void
  /** Moves a vector here. Rejects with LEARN_WORKER_DIED where the thread has ended. */
  take(id: number): Promise<Float32Array>
}

/** A vector that nobody added or took is dropped in its thread too, once nobody can do so any more. */
const forgotten = new FinalizationRegistry<{ readonly thread: HoldingThread; readonly id: number }>(({ thread, id }) =>
  thread.tell({ type: 'drop', id }),
)

class ThreadDelta extends HeldDelta {
  readonly length: number
  readonly peak: DeltaPeak
  readonly holder: HoldingThread
  readonly #id: number

  constructor(holder: HoldingThread, { id, length, peak }: HeldVector) {
    super()
    this.holder = holder
    this.length = length
    this.peak = peak
    this.#id = id
    forgotten.register(this, { thread: holder, id }, this)
  }

  protected addThere(sum: SumName, weight: number, quanta: Quanta): void {
    forgotten.unregister(this)
    this.holder.tell({ type: 'add', id: this.#id, sum, weight, quanta })
  }

  protected takeThere(): Promise<Float32Array> {
    forgotten.unregister(this)
    return this.holder.take(this.#id)
  }
}

/** The update of a thread that keeps its vectors. */
export function heldUpdate(thread: HoldingThread, { delta, vectors, ...update }: HeldReceipt): HeldUpdate {
  const here = Object.entries(vectors ?? {}).map(([name, vector]) => [name, new ThreadDelta(thread, vector)] as const)
  return {
    ...update,
    delta: new ThreadDelta(thread, delta),
    ...(here.length > 0 && { vectors: Object.fromEntries(here) }),
  }
}
