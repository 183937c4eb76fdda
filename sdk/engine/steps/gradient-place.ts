import type { StepPlace } from './local-optimizer.ts'

/** Makes the gradient's place ready for the first batch: there is what the objective's terms add. Steps do it for the next. */
export function beginGradient({ kernels, weights, gradient, count, slope, offset }: StepPlace): void {
  if (offset === 0) kernels.fill(gradient, 0, count)
  else kernels.beginGradient(weights, slope, offset, gradient, count)
}
