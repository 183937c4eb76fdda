import type { Steps } from '../../learn/steps.ts'
import { beginGradient, clippedScale, type LocalOptimizer } from './local-optimizer.ts'

/**
 * Adam, with bias correction: w −= η·m̂ / (√v̂ + ε). Weight decay is part of the gradient; with AdamW it shrinks the weights
 * beside it, w −= η·λ·w.
 *
 * @see Kingma & Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1.
 * @see Loshchilov & Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2.
 */
export function adam(steps: Steps): LocalOptimizer {
  const { learningRate, optimizer, weightDecay = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = steps
  const [coupled, kept] = optimizer === 'adamw' ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
  return {
    plain: false,
    states: 2,
    begin(place) {
      const { kernels, weights, gradient, states, count, slope, offset } = place
      const [m = 0, v = 0] = states
      kernels.fill(m, 0, count)
      kernels.fill(v, 0, count)
      beginGradient(place)
      // Powers by multiplication: Math.pow isn't the same in every JavaScript engine.
      let power1 = 1
      let power2 = 1
      return {
        step() {
          power1 *= beta1
          power2 *= beta2
          const rate = learningRate / (1 - power1)
          const spread = 1 / Math.sqrt(1 - power2)
          const settings = [coupled, kept, beta1, beta2, rate, spread, epsilon] as const
          kernels.adamStep(weights, gradient, m, v, clippedScale(steps, place), ...settings, slope, offset, count)
        },
      }
    },
  }
}
