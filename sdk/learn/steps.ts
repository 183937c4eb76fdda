import { knownNames } from '../../runtime/index.ts'
import { learnError } from './errors.ts'
import { type Schedule, scheduleOf } from './schedule.ts'

/**
 * The steps that move a client's weights: over mini-batches of its examples, by an optimizer that starts anew in each
 * training.
 */
export interface Steps {
  /** η: the size of a step. */
  readonly learningRate: number
  /** Factors of η by rounds or steps, or a text such as `cosine:30:warmup=3`. Default: η stays. */
  readonly schedule?: Schedule | string
  /** E: passes over the client's examples. */
  readonly epochs: number
  /** B: examples in a step. The last step of an epoch takes the remaining examples. */
  readonly batch: number
  /** Default `sgd`. */
  readonly optimizer?: 'sgd' | 'adam' | 'adamw'
  /** Only for SGD, in [0, 1): v = momentum·v + g, w −= η·v. Default 0. */
  readonly momentum?: number
  /** Only for SGD with momentum: w −= η·(g + momentum·v). Default false. */
  readonly nesterov?: boolean
  /**
   * λ of λ/2·‖w‖², with biases, as in PyTorch: λ·w is added to the gradient after clipping. With `adamw` the weights
   * shrink by η·λ·w instead. Default 0.
   */
  readonly weightDecay?: number
  /** A step's gradient over all weights is scaled down to this length if it's longer. */
  readonly clipNorm?: number
  /** Each value of a step's gradient is clipped to [−clipValue, clipValue]. */
  readonly clipValue?: number
  /**
   * Only for Adam: decay of the mean of gradients, decay of the mean of their squares, and the term that keeps the
   * quotient finite. Defaults 0.9, 0.999, 1e-8.
   */
  readonly beta1?: number
  readonly beta2?: number
  readonly epsilon?: number
}

type Rule = readonly [fits: (value: number) => boolean, expected: string]

const aboveZero: Rule = [(value) => value > 0 && Number.isFinite(value), 'a finite number above 0']
const fromOne: Rule = [(value) => Number.isInteger(value) && value >= 1, 'an integer from 1']
const belowOne: Rule = [(value) => value >= 0 && value < 1, 'from 0 and below 1']
const fromZero: Rule = [(value) => value >= 0 && Number.isFinite(value), 'a finite number from 0']

/** Settings that only some optimizers have. They are refused for another optimizer, which would ignore them. */
const ofSgd = ['momentum', 'nesterov'] as const
const ofAdam = ['beta1', 'beta2', 'epsilon'] as const

/** @throws LEARN_SETTING naming the first invalid setting. */
export function checkSteps(steps: Steps): void {
  const { optimizer = 'sgd', momentum = 0, nesterov = false } = steps
  const rule = (name: keyof Steps, [fits, expected]: Rule) => {
    const value = steps[name]
    if (value !== undefined && !(typeof value === 'number' && fits(value))) throw refused(name, expected, value)
  }
  const optimizers = ['sgd', 'adam', 'adamw']
  if (!optimizers.includes(optimizer))
    throw refused('optimizer', `one of ${knownNames(String(optimizer), optimizers)}`, optimizer)
  for (const name of optimizer === 'sgd' ? ofAdam : ofSgd) {
    if (steps[name] !== undefined) throw refused(name, `absent, since ${optimizer} has none`, steps[name])
  }
  rule('learningRate', aboveZero)
  rule('epochs', fromOne)
  rule('batch', fromOne)
  rule('momentum', belowOne)
  rule('weightDecay', fromZero)
  rule('clipNorm', aboveZero)
  rule('clipValue', aboveZero)
  rule('beta1', belowOne)
  rule('beta2', belowOne)
  rule('epsilon', aboveZero)
  if (typeof nesterov !== 'boolean') throw refused('nesterov', 'true or false', nesterov)
  if (nesterov && momentum === 0) throw refused('nesterov', 'false without momentum', nesterov)
  scheduleOf(steps.schedule)
  if (steps.clipNorm !== undefined && steps.clipValue !== undefined) {
    throw refused('clipValue', 'absent where there is a clipNorm', steps.clipValue)
  }
}

function refused(name: keyof Steps, expected: string, value: unknown): Error {
  return learnError('LEARN_SETTING', { name, expected, value })
}

/** Whether a schedule may change η. */
export function isScheduled({ schedule }: Steps): boolean {
  return schedule !== undefined && schedule !== 'constant'
}

/**
 * η, where each step is w −= η·g and nothing else: SGD at a fixed rate, without momentum, weight decay or clipping.
 * Undefined for other steps, after which (w_round − w)/(K·η) is no mean of gradients.
 */
export function plainLearningRate(steps: Steps): number | undefined {
  const { learningRate, optimizer = 'sgd', momentum = 0, weightDecay = 0, clipNorm, clipValue } = steps
  const isPlain = optimizer === 'sgd' && momentum === 0 && weightDecay === 0 && !isScheduled(steps)
  return isPlain && clipNorm === undefined && clipValue === undefined ? learningRate : undefined
}
