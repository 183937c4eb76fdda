import type { Steps } from '../../learn/steps.ts'
import type { LocalOptimizer } from './local-optimizer.ts'

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
