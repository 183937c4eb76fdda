import type { Steps } from '../../learn/steps.ts'
import { clippedScale } from './clipping.ts'
import { beginGradient } from './gradient-place.ts'
import type { LocalOptimizer } from './local-optimizer.ts'

/**
 * SGD whose gradient lies apart, to be clipped or looked ahead with: g is the clipped gradient + λ·w, v = momentum·v + g, and
 * w −= η·v, or with Nesterov's momentum w −= η·(g + momentum·v), as in PyTorch.
 *
 * @see Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013.
 */
export function momentumSgd(steps: Steps): LocalOptimizer {
  const { learningRate, momentum = 0, nesterov = false, weightDecay = 0 } = steps
  return {
    plain: false,
    states: momentum === 0 ? 0 : 1,
    begin(place) {
      const { kernels, weights, gradient, states, count, slope, offset } = place
      const [velocity] = states
      if (velocity !== undefined) kernels.fill(velocity, 0, count)
      beginGradient(place)
      const next = [slope, offset, count] as const
      return {
        step() {
          const scale = clippedScale(steps, place)
          if (velocity === undefined) {
            kernels.gradientStep(weights, gradient, scale, weightDecay, learningRate, ...next)
          } else {
            const rates = [scale, weightDecay, momentum, Number(nesterov), learningRate] as const
            kernels.momentumStep(weights, gradient, velocity, ...rates, ...next)
          }
        },
      }
    },
  }
}
