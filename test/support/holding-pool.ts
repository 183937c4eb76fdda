import { errorFactory } from '../../runtime/index.ts'
import { accumulator, HeldDelta, peakOf, type Quanta, type SumName, type TrainingPool } from '../../sdk/index.ts'

const loss = errorFactory({ LEARN_WORKER_DIED: { message: 'its thread has ended', hint: 'it is started again' } })

/**
 * A pool that holds the deltas of another pool and sums them itself. While `isLost` answers true, its part of a sum is
 * lost.
 */
export function holdingPool(pool: TrainingPool, isLost: () => boolean): TrainingPool {
  const sums = new Map<number, ReturnType<typeof accumulator>>()
  const holder = {
    async collect({ number }: SumName) {
      const sum = sums.get(number)
      sums.delete(number)
      if (!sum || isLost()) throw loss('LEARN_WORKER_DIED')
      return sum.partial()
    },
  }

  class KeptDelta extends HeldDelta {
    readonly holder = holder
    readonly #delta: Float32Array

    constructor(delta: Float32Array) {
      super()
      this.#delta = delta
    }

    get length() {
      return this.#delta.length
    }

    get peak() {
      return peakOf(this.#delta)
    }

    protected addThere({ number }: SumName, weight: number, quanta: Quanta): void {
      const sum = sums.get(number) ?? accumulator({ layout: pool.layout, ...quanta })
      sums.set(number, sum)
      sum.add({ end: 'kept', delta: this.#delta, weight })
    }

    protected async takeThere(): Promise<Float32Array> {
      if (isLost()) throw loss('LEARN_WORKER_DIED')
      return this.#delta
    }
  }

  return {
    ...pool,
    async trainHeld(request) {
      const { delta, ...update } = await pool.train(request)
      return { ...update, delta: new KeptDelta(delta) }
    },
  }
}
