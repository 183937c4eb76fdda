import { learnError } from './errors.ts'
import type { LocalTerms } from './learner.ts'

/** The terms of a local objective as a step needs them: what they add to the gradient at w is pull·(w − w_round) + Σ linear. */
export interface StepTerms {
  readonly pull: number
  /** Flat arrays, each times its factor. */
  readonly linear: readonly { readonly factor: number; readonly values: Float32Array }[]
  /** To which length each example's gradient is cut; absent: it isn't. */
  readonly exampleClip: number | undefined
}

/** The model that terms are for. */
export interface TermsModel {
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
