import type { Steps } from '../../learn/steps.ts'
import type { Kernels } from '../kernels.ts'

/** An algorithm that moves a client's weights by the gradients of its batches. */
export interface LocalOptimizer {
  /** True if a step is nothing but w −= η·gradient, which passes may do while they compute the gradient. */
  readonly plain: boolean
  /** Number of arrays, each as large as the weights, that the optimizer needs besides the gradient. */
  readonly states: number
  /** Begins a training: prepares the gradient's array and the arrays of the optimizer's state. */
  begin(place: StepMemory): LocalSteps
}

/** The memory in which a training's steps work: addresses of arrays as large as the trained weights. */
export interface StepMemory {
  readonly kernels: Kernels
  readonly weights: number
  readonly gradient: number
  readonly states: readonly number[]
  /** Values in each array. */
  readonly count: number
  /** The objective's terms add slope·w + offset to the gradient. Address 0: the objective has no terms. */
  readonly slope: number
  readonly offset: number
}

/** The steps of a begun training. */
export interface LocalSteps {
  /** Moves the weights by the gradient, and prepares the gradient's array for the next batch. */
  step(): void
}

/** Prepares the gradient's array for the first batch: the array begins with the objective's terms. Steps prepare it for later batches. */
export function beginGradient({ kernels, weights, gradient, count, slope, offset }: StepMemory): void {
  if (offset === 0) kernels.fill(gradient, 0, count)
  else kernels.beginGradient(weights, slope, offset, gradient, count)
}

type GradientMemory = Pick<StepMemory, 'kernels' | 'gradient' | 'count'>

/** Cuts the gradient's values at `clipValue`, and returns the factor that cuts the gradient's norm to `clipNorm`. */
export function clippedScale(
  { clipNorm, clipValue }: Pick<Steps, 'clipNorm' | 'clipValue'>,
  { kernels, gradient, count }: GradientMemory,
): number {
  if (clipValue !== undefined) kernels.clampValues(gradient, clipValue, count)
  return clipNorm === undefined ? 1 : normScale(clipNorm, { kernels, gradient, count })
}

/**
 * Returns the factor that cuts the gradient's global norm to `most`; 1 for a shorter gradient.
 *
 * @see Pascanu et al., On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.
 */
export function normScale(most: number, { kernels, gradient, count }: GradientMemory): number {
  const norm = Math.sqrt(kernels.squaredNorm(gradient, count))
  return norm > most ? most / norm : 1
}
