import type { Steps } from '../../learn/steps.ts'
import { beginGradient, clippedScale, type LocalOptimizer } from './local-optimizer.ts'

/**
 * SGD with heavy-ball momentum and coupled weight decay, as PyTorch's: v = momentum·v + g + λ·w, w −= η·v.
 *
 * Gradients are added to the velocity itself: after a step it is left as momentum·v with the weight decay and terms of the
 * weights reached, so that a step is one pass, and a velocity costs no place beside the gradient's.
 *
 * @see Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
 */
export function accumulatedSgd({ learningRate, momentum = 0, weightDecay = 0 }: Steps): LocalOptimizer {
  return {
    plain: momentum === 0 && weightDecay === 0,
    states: 0,
    begin({ kernels, weights, gradient, count, slope, offset }) {
      const step = () => kernels.moveOn(weights, gradient, learningRate, momentum, slope + weightDecay, offset, count)
      kernels.fill(gradient, 0, count)
      step()
      return { step }
    },
  }
}

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
