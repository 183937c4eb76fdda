import type { Steps } from '../learn/steps.ts'
import type { Kernels } from './kernels.ts'

/** An algorithm that moves a client's weights by the gradients of its batches. */
export interface LocalOptimizer {
  /** Whether a step is only w −= η·gradient, which passes can do while they compute the gradient. */
  readonly plain: boolean
  /** Number of arrays, each as large as the weights, that the optimizer needs besides the gradient. */
  readonly states: number
  /** Begins a training: prepares the gradient's array and the arrays of the optimizer's state. */
  begin(place: StepMemory): LocalSteps
}

/** The memory in which a training's steps work: addresses of arrays as large as the trained weights. */
interface StepMemory {
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
  step(learningRate: number): void
}

/**
 * Prepares the gradient's array for the first batch, with the objective's terms. Steps prepare it for later batches.
 */
function beginGradient({ kernels, weights, gradient, count, slope, offset }: StepMemory): void {
  if (offset === 0) kernels.fill(gradient, 0, count)
  else kernels.beginGradient(weights, slope, offset, gradient, count)
}

type GradientMemory = Pick<StepMemory, 'kernels' | 'gradient' | 'count'>

/**
 * Clips the gradient's values to `clipValue`, and returns the factor that scales the gradient's norm down to
 * `clipNorm`.
 */
function clippedScale(
  { clipNorm, clipValue }: Pick<Steps, 'clipNorm' | 'clipValue'>,
  { kernels, gradient, count }: GradientMemory,
): number {
  if (clipValue !== undefined) kernels.clampValues(gradient, clipValue, count)
  return clipNorm === undefined ? 1 : normScale(clipNorm, { kernels, gradient, count })
}

/**
 * Returns the factor that scales the gradient's global norm down to `most`; 1 for a shorter gradient.
 *
 * @see Pascanu et al., On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.
 */
export function normScale(most: number, { kernels, gradient, count }: GradientMemory): number {
  const norm = Math.sqrt(kernels.squaredNorm(gradient, count))
  return norm > most ? most / norm : 1
}

/**
 * SGD with heavy-ball momentum and coupled weight decay, as PyTorch's: v = momentum·v + g + λ·w, w −= η·v.
 *
 * Gradients are added to the velocity itself. A step leaves in it momentum·v, plus the weight decay and the terms at
 * the new weights, so that a step is one pass, and the velocity needs no array besides the gradient's.
 *
 * @see Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
 */
export function accumulatedSgd({ momentum = 0, weightDecay = 0 }: Steps): LocalOptimizer {
  return {
    plain: momentum === 0 && weightDecay === 0,
    states: 0,
    begin({ kernels, weights, gradient, count, slope, offset }) {
      const step = (rate: number) =>
        kernels.moveOn(weights, gradient, rate, momentum, slope + weightDecay, offset, count)
      kernels.fill(gradient, 0, count)
      step(0)
      return { step }
    },
  }
}

/**
 * SGD with the gradient in its own array, for clipping or Nesterov's momentum: g is the clipped gradient + λ·w, v =
 * momentum·v + g, and w −= η·v, or with Nesterov's momentum w −= η·(g + momentum·v), as in PyTorch.
 *
 * @see Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013.
 */
export function momentumSgd(steps: Steps): LocalOptimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = steps
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
        step(learningRate) {
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

/**
 * Adam with bias correction: w −= η·m̂ / (√v̂ + ε). Weight decay is part of the gradient; with AdamW it shrinks the
 * weights directly, w −= η·λ·w.
 *
 * @see Kingma & Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1.
 * @see Loshchilov & Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2.
 */
export function adam(steps: Steps): LocalOptimizer {
  const { optimizer, weightDecay = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = steps
  const isDecoupled = optimizer === 'adamw'
  return {
    plain: false,
    states: 2,
    begin(place) {
      const { kernels, weights, gradient, states, count, slope, offset } = place
      const [m = 0, v = 0] = states
      kernels.fill(m, 0, count)
      kernels.fill(v, 0, count)
      beginGradient(place)
      // Powers by multiplication, since Math.pow differs between JavaScript engines.
      let power1 = 1
      let power2 = 1
      return {
        step(learningRate) {
          const [coupled, kept] = isDecoupled ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
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
