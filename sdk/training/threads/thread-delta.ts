import type { HeldUpdate } from '../../learn/role-learner.ts'
import { type DeltaHolder, type DeltaPeak, HeldDelta, type SumName } from '../../strategy/sum/held-delta.ts'
import type { HeldMessage, HeldReceipt } from './held-sums.ts'

/** A thread that keeps deltas. */
export interface HoldingThread extends DeltaHolder {
  tell(message: HeldMessage): void
}

/** What nobody added is dropped in its thread too, once nobody can add it any more. */
const forgotten = new FinalizationRegistry<{ readonly thread: HoldingThread; readonly id: number }>(({ thread, id }) =>
  thread.tell({ type: 'drop', id }),
)

class ThreadDelta extends HeldDelta {
  readonly length: number
  readonly peak: DeltaPeak
  readonly holder: HoldingThread
  readonly #id: number

  constructor(holder: HoldingThread, { id, length, peak }: HeldReceipt) {
    super()
    this.holder = holder
    this.length = length
    this.peak = peak
    this.#id = id
    forgotten.register(this, { thread: holder, id }, this)
  }

  addTo(sum: SumName, samples: number, quantumBits: number): void {
    forgotten.unregister(this)
    this.holder.tell({ type: 'add', id: this.#id, sum, samples, quantumBits })
  }
}

/** The update of a thread that keeps its delta. */
export function heldUpdate(thread: HoldingThread, receipt: HeldReceipt): HeldUpdate {
  const { samples, metrics } = receipt
  return { samples, metrics, delta: new ThreadDelta(thread, receipt) }
}
