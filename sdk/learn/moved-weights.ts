import type { Examples } from '../data/examples.ts'
import { learnError } from './errors.ts'
import type { Steps } from './steps.ts'

/** Where a training is. Both count from 1. */
interface TrainingPlace {
  readonly epoch: number
  readonly batch: number
  /** With which it was trained. */
  readonly learningRate: number
}

/** Where a training ends. */
export function lastPlace({ epochs, batch, learningRate }: Steps, { count }: Examples): TrainingPlace {
  return { epoch: epochs, batch: Math.ceil(count / batch), learningRate }
}

/**
 * Turns the weights that a training has ended with into how far they have moved, in place.
 *
 * @throws LEARN_OVERFLOW where one of them isn't finite. No later loss shows what the last step did, nor what a row of a table
 *   holds that no example names again.
 */
export function movedFrom(start: Float32Array, trained: Float32Array, last: TrainingPlace): Float32Array {
  let stray = 0
  for (let index = 0; index < trained.length; index++) {
    const moved = Math.fround((trained[index] ?? 0) - (start[index] ?? 0))
    // 0 for finite numbers, NaN for others.
    stray += moved - moved
    trained[index] = moved
  }
  if (stray !== 0) throw learnError('LEARN_OVERFLOW', { ...last })
  return trained
}
