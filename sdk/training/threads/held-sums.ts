import type { Update } from '../../learn/learner.ts'
import type { Accumulator, PartialSum } from '../../strategy/sum/accumulator.ts'
import { type DeltaPeak, peakOf, type SumName } from '../../strategy/sum/held-delta.ts'
import { accumulator } from '../../strategy/sum/wasm-accumulator.ts'
import type { Layout } from '../../weights/layout.ts'

/** What a worker tells of a delta that it keeps. */
export interface HeldReceipt extends Omit<Update, 'delta'> {
  /** Names the delta to the worker. */
  readonly id: number
  readonly length: number
  readonly peak: DeltaPeak
}

/** To a worker, of what it keeps; `collect` is answered by the partial sum. */
export type HeldMessage =
  | {
      readonly type: 'add'
      readonly id: number
      readonly sum: SumName
      readonly samples: number
      readonly quantumBits: number
    }
  | { readonly type: 'drop'; readonly id: number }
  | { readonly type: 'collect'; readonly sum: SumName }

/** A worker's own deltas until they are added or dropped, and its parts of sums until they are collected. */
export interface HeldSums {
  /** An array that an update's delta may be put into. */
  room(): Float32Array
  /** Keeps an update whose delta is in the room, or copies it there: the learner may give the same array again. */
  keep(update: Update, room: Float32Array): HeldReceipt
  receive(message: HeldMessage): PartialSum | undefined
}

export function heldSums(layout: Layout): HeldSums {
  const deltas = new Map<number, Float32Array>()
  const sums = new Map<string, { readonly number: number; readonly sum: Accumulator }>()
  /** Arrays of deltas that were added or dropped: they are used again, since garbage of their size piles up. */
  const free: Float32Array[] = []
  let ids = 0

  function forget(id: number): Float32Array | undefined {
    const delta = deltas.get(id)
    if (delta && deltas.delete(id)) free.push(delta)
    return delta
  }

  /** A sum that begins anew takes the memory of the one before. */
  function begun({ name, number }: SumName, quantumBits: number): Accumulator {
    const known = sums.get(name)
    if (known?.number === number) return known.sum
    const sum = known?.sum ?? accumulator({ layout, quantumBits, shared: true })
    sum.reset()
    sums.set(name, { number, sum })
    return sum
  }

  return {
    room: () => free.pop() ?? new Float32Array(layout.size),
    keep({ delta, ...update }, room) {
      const id = ids++
      if (delta !== room) room.set(delta)
      deltas.set(id, room)
      return { ...update, id, length: room.length, peak: peakOf(room) }
    },
    receive(message) {
      switch (message.type) {
        case 'add': {
          const { id, sum, samples, quantumBits } = message
          const delta = forget(id)
          if (!delta) throw new RangeError(`delta ${id} isn't kept any more`)
          begun(sum, quantumBits).add({ end: `held delta ${id}`, delta, samples })
          return undefined
        }
        case 'drop':
          forget(message.id)
          return undefined
        case 'collect': {
          const { name, number } = message.sum
          const found = sums.get(name)
          if (found?.number !== number) throw new RangeError(`there is no sum ${name} ${number}`)
          return found.sum.partial()
        }
      }
    },
  }
}
