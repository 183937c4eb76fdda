import type { Steps } from '../../learn/steps.ts'
import type { StepPlace } from './local-optimizer.ts'

type GradientPlace = Pick<StepPlace, 'kernels' | 'gradient' | 'count'>

/** Cuts the gradient's values where the settings say so; answers with what the gradient is to be multiplied by. */
export function clippedScale(
  { clipNorm, clipValue }: Pick<Steps, 'clipNorm' | 'clipValue'>,
  { kernels, gradient, count }: GradientPlace,
): number {
  if (clipValue !== undefined) kernels.clampValues(gradient, clipValue, count)
  return clipNorm === undefined ? 1 : normScale(clipNorm, { kernels, gradient, count })
}

/**
 * What cuts the gradient's global norm to `most`, and leaves a shorter one as it is.
 *
 * @see Pascanu et al., On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.
 */
export function normScale(most: number, { kernels, gradient, count }: GradientPlace): number {
  const norm = Math.sqrt(kernels.squaredNorm(gradient, count))
  return norm > most ? most / norm : 1
}
