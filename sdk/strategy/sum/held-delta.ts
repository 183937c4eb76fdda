import type { PartialSum } from './accumulator.ts'

/** Names a sum that several holders contribute to. The same name with a higher number begins anew. */
export interface SumName {
  readonly name: string
  readonly number: number
}

/** Who keeps deltas, and sums them where they are. */
export interface DeltaHolder {
  /** Its part of the sum, which it then forgets. */
  collect(sum: SumName): Promise<PartialSum>
}

/** What of a delta a sum has to know to refuse it. */
export interface DeltaPeak {
  /** Largest magnitude of a value; NaN if one is. */
  readonly magnitude: number
  /** Where it is. */
  readonly index: number
}

/**
 * A delta that stays in the thread that trained it, and is added there: per round and thread only a partial sum travels.
 * It can be added once.
 */
export abstract class HeldDelta {
  abstract readonly length: number
  abstract readonly peak: DeltaPeak
  abstract readonly holder: DeltaHolder
  /** Adds samples·delta to the holder's part of a sum in quanta of 2^−quantumBits. */
  abstract addTo(sum: SumName, samples: number, quantumBits: number): void
}

/** @returns the place of the first value that isn't a number, or else of the largest magnitude. */
export function peakOf(delta: Float32Array): DeltaPeak {
  let magnitude = 0
  let index = 0
  for (let i = 0; i < delta.length; i++) {
    const here = Math.abs(delta[i] ?? 0)
    if (here <= magnitude) continue
    magnitude = here
    index = i
    if (Number.isNaN(here)) break
  }
  return { magnitude, index }
}
