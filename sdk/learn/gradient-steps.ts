import { fieldsOf, isNumber } from '../../runtime/index.ts'
import { learnError } from './errors.ts'
import type { Steps } from './steps.ts'

/** The state of an optimizer between steps: plain values and typed arrays, for a snapshot. */
export interface OptimizerState {
  /** The velocity of SGD with momentum; the two means of Adam. Each as large as the weights. */
  readonly moments: readonly Float32Array[]
  /** Powers of Adam's decays: β₁ⁿ and β₂ⁿ after n steps. */
  readonly powers: readonly number[]
}

/** A single step of an optimizer. Changes neither its arguments nor itself. */
export interface GradientSteps {
  begin(size: number): OptimizerState
  /** `gradient` has the size of the weights. */
  step(
    weights: Float32Array,
    gradient: Float32Array,
    state: OptimizerState,
  ): { readonly weights: Float32Array; readonly state: OptimizerState }
}

/**
 * The steps of a learner's settings, one at a time, for a part of a model whose gradient comes from another end: vertical
 * and split learning. Each weight moves by its own gradient alone, so that parts of a model, each with an optimizer of
 * its own, move as the whole model would. The formulas are those of the engine, in float64, rounded to float32.
 *
 * @throws LEARN_STEPWISE with `clipNorm`, which needs the norm over all parts; LEARN_SETTING with a schedule.
 */
export function gradientSteps(steps: Steps): GradientSteps {
  if (steps.clipNorm !== undefined) throw learnError('LEARN_STEPWISE', { clipNorm: steps.clipNorm })
  if (steps.schedule !== undefined && steps.schedule !== 'constant') {
    const expected = 'absent, since the steps of parts of a model have one learning rate'
    throw learnError('LEARN_SETTING', { name: 'schedule', expected, value: JSON.stringify(steps.schedule) })
  }
  const { optimizer = 'sgd', clipValue = Number.POSITIVE_INFINITY } = steps
  const clipped = (value: number) => Math.min(clipValue, Math.max(-clipValue, value))
  return optimizer === 'sgd' ? sgd(steps, clipped) : adam(steps, clipped)
}

type Clip = (value: number) => number

function sgd({ learningRate, momentum = 0, nesterov = false, weightDecay = 0 }: Steps, clipped: Clip): GradientSteps {
  return {
    begin: (size) => ({ moments: momentum === 0 ? [] : [new Float32Array(size)], powers: [] }),
    step(before, gradient, { moments: [velocity], powers }) {
      const weights = before.slice()
      const moved = velocity?.slice()
      for (let i = 0; i < weights.length; i++) {
        const slope = clipped(gradient[i]!) + weightDecay * before[i]!
        let direction = slope
        if (moved) {
          moved[i] = momentum * moved[i]! + slope
          direction = nesterov ? slope + momentum * moved[i]! : moved[i]!
        }
        weights[i] = before[i]! - learningRate * direction
      }
      return { weights, state: { moments: moved ? [moved] : [], powers } }
    },
  }
}

function adam(
  { learningRate, optimizer, weightDecay = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: Steps,
  clipped: Clip,
): GradientSteps {
  const [coupled, kept] = optimizer === 'adamw' ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
  return {
    begin: (size) => ({ moments: [new Float32Array(size), new Float32Array(size)], powers: [1, 1] }),
    step(before, gradient, { moments, powers }) {
      const weights = before.slice()
      const [m = new Float32Array(), v = new Float32Array()] = moments.map((each) => each.slice())
      // Powers by multiplication, since Math.pow differs between JavaScript engines.
      const [power1, power2] = [(powers[0] ?? 1) * beta1, (powers[1] ?? 1) * beta2]
      const rate = learningRate / (1 - power1)
      const spread = 1 / Math.sqrt(1 - power2)
      for (let i = 0; i < weights.length; i++) {
        const slope = clipped(gradient[i]!) + coupled * before[i]!
        m[i] = beta1 * m[i]! + (1 - beta1) * slope
        v[i] = beta2 * v[i]! + (1 - beta2) * slope * slope
        weights[i] = kept * before[i]! - (rate * m[i]!) / (spread * Math.sqrt(v[i]!) + epsilon)
      }
      return { weights, state: { moments: [m, v], powers: [power1, power2] } }
    },
  }
}

/** Whether a value from a snapshot is the state of an optimizer. */
export function isOptimizerState(value: unknown): value is OptimizerState {
  const { moments, powers } = fieldsOf(value)
  return (
    Array.isArray(moments) &&
    moments.every((each) => each instanceof Float32Array) &&
    Array.isArray(powers) &&
    powers.every(isNumber)
  )
}
