import type { RandomStream } from '../random/random-stream.ts'
import { subtractBase } from '../sum/vector-passes.ts'
import { type Layout, sizeOf } from '../weights/layout.ts'
import { learnError } from './errors.ts'
import type { LocalTerms, TrainingRequest } from './learner.ts'
import { modelError } from './model-errors.ts'
import { scheduleFactor, scheduleOf } from './schedule.ts'
import { checkSteps, type Steps } from './steps.ts'

/**
 * The terms of a local objective in the form that a step needs. Their gradient at w is pull·(w − centre) + Σ
 * factor·values.
 */
export interface StepTerms {
  readonly pull: number
  /** Flat arrays, each with its factor. */
  readonly linear: readonly { readonly factor: number; readonly values: Float32Array }[]
  /** The length to which each example's gradient is clipped. Absent: no clipping. */
  readonly exampleClip: number | undefined
}

/** Facts about the model to which the terms apply. */
interface TermsModel {
  /** Number of weights. */
  readonly size: number
  /** A layer whose output for one example depends on the batch's other examples. */
  readonly wholeBatchFor: string | undefined
}

/**
 * Joins the terms of a request.
 *
 * @throws LEARN_SETTING for invalid numbers, LEARN_WEIGHTS for arrays of another size, and LEARN_EXAMPLE_CLIP where the
 *   model has no gradient of a single example.
 */
export function stepTerms(
  { proximal = 0, dynamic, correction, exampleClip, contrastive }: LocalTerms,
  { size, wholeBatchFor }: TermsModel,
): StepTerms {
  const { alpha = 0, gradient } = dynamic ?? {}
  const check = (name: string, value: number, fits: boolean, expected: string) => {
    if (!(fits && Number.isFinite(value))) throw learnError('LEARN_SETTING', { name, expected, value })
  }
  const linear: { factor: number; values: Float32Array }[] = []
  const add = (what: string, factor: number, values: Float32Array | undefined) => {
    if (values === undefined) return
    if (values.length !== size) throw learnError('LEARN_WEIGHTS', { what, expected: size, came: values.length })
    linear.push({ factor, values })
  }
  check('proximal', proximal, proximal >= 0, 'a finite number from 0')
  check('dynamic.alpha', alpha, alpha >= 0, 'a finite number from 0')
  if (exampleClip !== undefined) {
    check('exampleClip', exampleClip, exampleClip > 0, 'a finite number above 0')
    if (wholeBatchFor !== undefined) throw modelError('LEARN_EXAMPLE_CLIP', { layer: wholeBatchFor })
  }
  if (contrastive) {
    const { weight, temperature, previous } = contrastive
    check('contrastive.weight', weight, weight >= 0, 'a finite number from 0')
    check('contrastive.temperature', temperature, temperature > 0, 'a finite number above 0')
    if (previous.length !== size)
      throw learnError('LEARN_WEIGHTS', { what: 'the previous weights', expected: size, came: previous.length })
  }
  add('the gradient of the dynamic regulariser', -1, gradient)
  add('the correction', 1, correction)
  return { pull: proximal + alpha, linear, exampleClip }
}

/** Values of the layout that a training doesn't change. */
interface FrozenValues {
  /** 1 for a trained value, 0 for a frozen value. */
  readonly mask: Float32Array
  /** Copies the frozen values of `from` into `values`. */
  restore(values: Float32Array, from: Float32Array): void
}

/** One batch of a training. Epochs and batches count from 1. */
interface LocalBatch {
  readonly epoch: number
  readonly batch: number
  /** Indices of the batch's examples. */
  readonly indices: Uint32Array
}

/** A batch of a training with the rate of its step. */
interface LocalStep extends LocalBatch {
  readonly learningRate: number
}

/** A training, made from its request and the learner's settings. */
export interface LocalTraining {
  /** The learner's settings, with the request's changes. The learning rate is that of the first step. */
  readonly steps: Steps
  /** Whether each step has a learning rate of its own, as a schedule by steps says. */
  readonly ratesChange: boolean
  readonly start: Float32Array
  readonly centre: Float32Array
  readonly base: Float32Array
  readonly frozen: FrozenValues | undefined
  /** As `batchesOf`, by the request's stream. */
  batches(): Generator<LocalStep>
  /**
   * Turns the final weights of the training, in place, into their difference from the base.
   *
   * @throws LEARN_OVERFLOW where a value isn't finite. No later loss would show the fault of the last step, or of a
   *   table's row that no later example uses.
   */
  deltaOf(trained: Float32Array): Float32Array
  /** The difference itself, of a learner that takes it. Throws as `deltaOf`. */
  finite(difference: { readonly delta: Float32Array; readonly isFinite: boolean }): Float32Array
}

/** Yields the batches of a training. Each epoch's order is drawn from the stream when its first batch is requested. */
export function* batchesOf(
  {
    examples,
    batch,
    epochs,
    most,
  }: {
    readonly examples: number
    /** Number of batches. Absent: those of all epochs. */
    readonly most?: number | undefined
  } & Pick<Steps, 'batch' | 'epochs'>,
  random: Pick<RandomStream, 'shuffle'>,
): Generator<LocalBatch> {
  const order = Uint32Array.from({ length: examples }, (_, index) => index)
  let done = 0
  for (let epoch = 1; epoch <= epochs; epoch++) {
    random.shuffle(order)
    for (let from = 0; from < order.length; from += batch) {
      yield { epoch, batch: from / batch + 1, indices: order.subarray(from, from + batch) }
      done += 1
      if (done === most) return
    }
  }
}

/**
 * Joins a request with a learner's settings.
 *
 * @throws LEARN_WEIGHTS for arrays of another size, LEARN_SETTING for invalid work or an invalid mask.
 */
export function localTraining(settings: Steps, layout: Layout, request: TrainingRequest): LocalTraining {
  const { weights, work = {}, examples, random } = request
  const { steps: most, ...changes } = work
  const asked = Object.keys(work).length === 0 ? settings : { ...settings, ...changes }
  if (asked !== settings) checkSteps(asked)
  if (most !== undefined && (!Number.isInteger(most) || most < 1 || work.epochs !== undefined)) {
    const expected = 'an integer from 1, and without work.epochs beside it'
    throw learnError('LEARN_SETTING', { name: 'work.steps', expected, value: most })
  }
  const sized = (what: string, values: Float32Array) => {
    if (values.length === layout.size) return values
    throw learnError('LEARN_WEIGHTS', { what, expected: layout.size, came: values.length })
  }
  sized('the weights', weights)
  const start = sized('the weights to start at', request.start ?? weights)
  const centre = sized('the weights to pull to', request.centre ?? weights)
  const base = sized('the weights to count from', request.base ?? weights)
  const frozen = frozenValues(layout, request.trainable)
  const { batch: size } = asked
  const epochs = most === undefined ? asked.epochs : Number.POSITIVE_INFINITY
  const rateOf = scheduledRate(asked, most ?? epochs * Math.ceil(examples.count / size), request.round)
  const learningRate = rateOf(0)
  const steps = learningRate === asked.learningRate ? asked : { ...asked, learningRate }
  let last: LocalBatch = { epoch: 0, batch: 0, indices: new Uint32Array() }

  function* batches(): Generator<LocalStep> {
    let done = 0
    for (const batch of batchesOf({ examples: examples.count, batch: size, epochs, most }, random)) {
      last = batch
      yield { ...batch, learningRate: rateOf(done++) }
    }
  }
  const finite: LocalTraining['finite'] = ({ delta, isFinite }) => {
    if (isFinite) return delta
    const { epoch, batch } = last
    throw modelError('LEARN_OVERFLOW', { epoch, batch, learningRate })
  }
  return {
    steps,
    ratesChange: scheduleOf(asked.schedule)?.by === 'step',
    start,
    centre,
    base,
    frozen,
    batches,
    deltaOf(trained) {
      frozen?.restore(trained, start)
      return finite({ delta: trained, isFinite: subtractBase(trained, base) })
    },
    finite,
  }
}

/** The learning rate of each step of a training, from step 0. */
function scheduledRate({ learningRate, schedule: given }: Steps, steps: number, round = 1): (step: number) => number {
  const schedule = scheduleOf(given)
  if (!schedule) return () => learningRate
  if (schedule.by === 'step') return (step) => learningRate * scheduleFactor(schedule, step, steps)
  const rate = learningRate * scheduleFactor(schedule, round - 1, round)
  return () => rate
}

function frozenValues({ tensors, size }: Layout, trainable: readonly boolean[] | undefined): FrozenValues | undefined {
  if (!trainable) return undefined
  if (trainable.length !== tensors.length || !trainable.includes(true)) {
    const expected = `one boolean for each of the ${tensors.length} tensors of the layout, one of them true`
    throw learnError('LEARN_SETTING', { name: 'trainable', expected, value: JSON.stringify(trainable) })
  }
  if (!trainable.includes(false)) return undefined
  const mask = new Float32Array(size)
  const ranges: (readonly [from: number, to: number])[] = []
  let from = 0
  for (const [index, { shape }] of tensors.entries()) {
    const to = from + sizeOf(shape)
    if (trainable[index]) mask.fill(1, from, to)
    else ranges.push([from, to])
    from = to
  }
  return {
    mask,
    restore(values, source) {
      for (const [from, to] of ranges) values.set(source.subarray(from, to), from)
    },
  }
}

/** Lets the event loop deliver messages that have arrived, such as an abort, before the next batch. */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve)
      return
    }
    // In a browser, which throttles time-outs, but not messages.
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      resolve()
    })
    port1.start()
    port2.postMessage(undefined)
  })
}

/**
 * Makes a queue that runs work in order, one piece at a time, for a model that holds one client's weights at a time.
 */
export function oneAtATime(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work, work)
    last = next
    return next
  }
}
