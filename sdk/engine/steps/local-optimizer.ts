import type { Steps } from '../../learn/steps.ts'
import type { Kernels } from '../kernels.ts'
import { accumulatedSgd } from './accumulated-sgd.ts'
import { adam } from './adam.ts'
import { momentumSgd } from './momentum-sgd.ts'

/** An algorithm that moves a client's weights by the gradients of its batches. */
export interface LocalOptimizer {
  /** Whether its step is nothing but w −= η·gradient, so that passes may do it as they find the gradient. */
  readonly plain: boolean
  /** How many places as large as the weights' it needs besides the gradient's. */
  readonly states: number
  /** Begins a training: makes the gradient's place, and those of its state, ready. */
  begin(place: StepPlace): LocalSteps
}

/** Where a training's steps work: addresses of places as large as the trained weights'. */
export interface StepPlace {
  readonly kernels: Kernels
  readonly weights: number
  readonly gradient: number
  readonly states: readonly number[]
  /** Values in each place. */
  readonly count: number
  /** The terms of the objective: they add slope·w + offset to the gradient. Address 0: there are none. */
  readonly slope: number
  readonly offset: number
}

export interface LocalSteps {
  /** Moves the weights by what was added at the gradient's place, and makes that ready for the next batch. */
  step(): void
}

/** The optimizer of these settings. */
export function localOptimizer(steps: Steps): LocalOptimizer {
  const { optimizer = 'sgd', nesterov = false, clipNorm, clipValue } = steps
  if (optimizer !== 'sgd') return adam(steps)
  // A gradient can only be clipped, or looked ahead with, where it lies apart from the velocity.
  return nesterov || clipNorm !== undefined || clipValue !== undefined ? momentumSgd(steps) : accumulatedSgd(steps)
}
