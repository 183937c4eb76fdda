import type { Tensor } from '@tensorflow/tfjs'
import type { Steps } from './steps.ts'

/** What a weight becomes by its gradient. `states` are what the last move has left of it: none at first, which stands for zeros. */
export type TensorMove = (weight: Tensor, gradient: Tensor, states: readonly Tensor[]) => MovedTensor

export interface MovedTensor {
  readonly weight: Tensor
  readonly states: readonly Tensor[]
}

/** The optimizer of these settings for one training: called once a step, it answers with how each weight moves in it. */
export function tensorOptimizer(steps: Steps): () => TensorMove {
  return steps.optimizer === undefined || steps.optimizer === 'sgd' ? sgd(steps) : adam(steps)
}

/** As engine/steps/momentum-sgd.ts. */
function sgd({ learningRate, momentum = 0, nesterov = false, weightDecay = 0 }: Steps): () => TensorMove {
  return () =>
    (weight, gradient, [before]) => {
      const decayed = withDecay(gradient, weight, weightDecay)
      if (momentum === 0) return { weight: weight.sub(decayed.mul(learningRate)), states: [] }
      const velocity = mixed(before, momentum, decayed)
      const way = nesterov ? velocity.mul(momentum).add(decayed) : velocity
      return { weight: weight.sub(way.mul(learningRate)), states: [velocity] }
    }
}

/** As engine/steps/adam.ts. */
function adam(steps: Steps): () => TensorMove {
  const { learningRate, optimizer, weightDecay = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = steps
  const [coupled, kept] = optimizer === 'adamw' ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
  let power1 = 1
  let power2 = 1
  return () => {
    power1 *= beta1
    power2 *= beta2
    const [rate, spread] = [learningRate / (1 - power1), 1 / Math.sqrt(1 - power2)]
    return (weight, gradient, [mean, square]) => {
      const decayed = withDecay(gradient, weight, coupled)
      const m = mixed(mean, beta1, decayed.mul(1 - beta1))
      const v = mixed(square, beta2, decayed.square().mul(1 - beta2))
      const way = m.mul(rate).div(v.sqrt().mul(spread).add(epsilon))
      return { weight: weight.mul(kept).sub(way), states: [m, v] }
    }
  }
}

function withDecay(gradient: Tensor, weight: Tensor, decay: number): Tensor {
  return decay === 0 ? gradient : gradient.add(weight.mul(decay))
}

function mixed(before: Tensor | undefined, keep: number, added: Tensor): Tensor {
  return before ? before.mul(keep).add(added) : added
}
