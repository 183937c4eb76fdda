import type { Examples } from '../data/examples.ts'
import { learnError } from './errors.ts'
import type { LocalTerms } from './learner.ts'
import type { Steps } from './steps.ts'

/** The terms of a local objective as a step needs them: what they add to the gradient at w is pull·(w − w_round) + Σ linear. */
export interface StepTerms {
  readonly pull: number
  /** Flat arrays, each times its factor. */
  readonly linear: readonly { readonly factor: number; readonly values: Float32Array }[]
  /** To which length each example's gradient is cut; absent: it isn't. */
  readonly exampleClip: number | undefined
}

/** The model that terms are for. */
interface TermsModel {
  /** Of its weights. */
  readonly size: number
  /** A layer whose output for an example depends on the others of its batch. */
  readonly wholeBatchFor: string | undefined
}

/**
 * Joins the terms of a request.
 *
 * @throws LEARN_SETTING for numbers, LEARN_WEIGHTS for arrays, that can't be used, and LEARN_EXAMPLE_CLIP where the model has no
 *   gradient of a single example.
 */
export function stepTerms(
  { proximal = 0, dynamic, correction, exampleClip }: LocalTerms,
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
    if (wholeBatchFor !== undefined) throw learnError('LEARN_EXAMPLE_CLIP', { layer: wholeBatchFor })
  }
  add('the gradient of the dynamic regulariser', -1, gradient)
  add('the correction', 1, correction)
  return { pull: proximal + alpha, linear, exampleClip }
}

/** Where a training is. Both count from 1. */
interface TrainingPlace {
  readonly epoch: number
  readonly batch: number
  /** With which it was trained. */
  readonly learningRate: number
}

/** Where a training ends. */
export function lastPlace({ epochs, batch, learningRate }: Steps, { count }: Examples): TrainingPlace {
  return { epoch: epochs, batch: Math.ceil(count / batch), learningRate }
}

/**
 * Turns the weights that a training has ended with into how far they have moved, in place.
 *
 * @throws LEARN_OVERFLOW where one of them isn't finite. No later loss shows what the last step did, nor what a row of a table
 *   holds that no example names again.
 */
export function movedFrom(start: Float32Array, trained: Float32Array, last: TrainingPlace): Float32Array {
  let stray = 0
  for (let index = 0; index < trained.length; index++) {
    const moved = Math.fround((trained[index] ?? 0) - (start[index] ?? 0))
    // 0 for finite numbers, NaN for others.
    stray += moved - moved
    trained[index] = moved
  }
  if (stray !== 0) throw learnError('LEARN_OVERFLOW', { ...last })
  return trained
}

/** Lets the event loop deliver what has arrived, such as an abort, before the next batch. */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve)
      return
    }
    // In a browser: a message is not held back, as a time-out would be.
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      resolve()
    })
    port1.start()
    port2.postMessage(undefined)
  })
}

/** Runs work in the order given, each after the last has ended: for what holds one client's weights at a time. */
export function oneAtATime(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work, work)
    last = next
    return next
  }
}
