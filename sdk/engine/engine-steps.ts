import type { LocalTraining, StepTerms } from '../learn/local-training.ts'
import type { Steps } from '../learn/steps.ts'
import type { Engine } from './engine.ts'
import { accumulatedSgd, adam, type LocalOptimizer, type LocalSteps, momentumSgd, normScale } from './optimizers.ts'
import type { Pass } from './plan.ts'

/** The steps of a training in progress, and the memory to which its passes add gradients. */
interface TrainingSteps extends LocalSteps {
  /** The address shift and the factor with which the passes of a step add their gradients. */
  target(learningRate: number): Pick<Pass, 'gradientShift' | 'gradientScale'>
  /** Only where each example's gradient is clipped: adds the gradient of one example, for a mean over `examples`. */
  addExample?(examples: number): void
}

/**
 * Loads the start weights of a training and begins it. For plain SGD in batches of one pass, the passes add gradients
 * to the weights themselves; otherwise to an array of their own.
 */
export function beginSteps(engine: Engine, training: LocalTraining, terms: StepTerms): TrainingSteps {
  const { kernels, trained, capacity, apart, rules } = engine
  const { steps, start, centre, frozen } = training
  const { address, count } = trained
  const optimizer = localOptimizer(steps)
  const { pull, linear, exampleClip } = terms
  const hasTerms = pull !== 0 || linear.length > 0
  const isPlain = optimizer.plain && !hasTerms && !apart
  if (isPlain && !frozen && exampleClip === undefined && steps.batch <= capacity) {
    engine.load(start)
    return { target: (rate) => ({ gradientShift: 0, gradientScale: -rate }), step: () => {} }
  }
  const [gradient = 0, ...others] = engine.places(
    1 + optimizer.states + Number(hasTerms) + Number(exampleClip !== undefined) + (frozen ? 2 : 0),
  )
  const states = others.splice(0, optimizer.states)
  const offset = hasTerms ? (others.shift() ?? 0) : 0
  const [mask = 0, kept = 0] = frozen ? others.splice(0, 2) : []
  const [example = 0] = others
  if (frozen) copyInto(engine, frozen.mask, mask)
  if (hasTerms) packLinear(engine, terms, offset)
  if (pull !== 0) {
    engine.load(centre)
    kernels.addScaled(address, -pull, offset, count)
  }
  if (frozen) copyInto(engine, start, kept)
  else if (pull === 0 || centre !== start) engine.load(start)
  const moves = optimizer.begin({ kernels, weights: address, gradient, states, count, slope: pull, offset })
  const step = (rate: number) => {
    rules.addGradient(kernels, gradient - address)
    if (frozen) kernels.keepMasked(gradient, mask, 0, count)
    moves.step(rate)
    rules.constrain(kernels)
    if (frozen) kernels.keepMasked(address, mask, kept, count)
  }
  const added = (place: number) => () => ({ gradientShift: place - address, gradientScale: 1 })
  if (exampleClip === undefined) return { target: added(gradient), step }

  kernels.fill(example, 0, count)
  return {
    target: added(example),
    step,
    addExample(examples) {
      if (frozen) kernels.keepMasked(example, mask, 0, count)
      const scale = normScale(exampleClip, { kernels, gradient: example, count })
      kernels.takeScaled(example, scale / examples, gradient, count)
    },
  }
}

/**
 * Copies values of the layout into an array, in the arrangement of the weights: they are loaded as if they were
 * weights.
 */
function copyInto({ kernels, trained, load }: Engine, values: Float32Array, target: number): void {
  load(values)
  kernels.copyRows(trained.address, trained.bytes, target, trained.bytes, 1, trained.bytes)
}

/** Sums the terms' arrays in the arrangement of the weights: they are loaded as if they were weights. */
function packLinear({ kernels, trained, load }: Engine, { linear }: StepTerms, target: number): void {
  kernels.fill(target, 0, trained.count)
  for (const { factor, values } of linear) {
    load(values)
    kernels.addScaled(trained.address, factor, target, trained.count)
  }
}

function localOptimizer(steps: Steps): LocalOptimizer {
  const { optimizer = 'sgd', nesterov = false, clipNorm, clipValue } = steps
  if (optimizer !== 'sgd') return adam(steps)
  // Clipping and Nesterov's momentum need the gradient apart from the velocity.
  return nesterov || clipNorm !== undefined || clipValue !== undefined ? momentumSgd(steps) : accumulatedSgd(steps)
}
