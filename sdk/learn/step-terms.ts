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

/**
 * Joins the terms of a request for weights of this size. Of a model that has a layer which mixes the examples of a batch, no
 * example has a gradient of its own to cut.
 *
 * @throws LEARN_SETTING for numbers, and LEARN_WEIGHTS for arrays, that can't be used.
 */
export function stepTerms(
  { proximal = 0, dynamic, correction, exampleClip }: LocalTerms,
  size: number,
  mixing?: string,
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
  if (exampleClip !== undefined) check('exampleClip', exampleClip, exampleClip > 0, 'a finite number above 0')
  if (exampleClip !== undefined && mixing !== undefined) {
    const expected = `left out, as layer ${mixing} mixes the examples of a batch (groupNormalization doesn't)`
    throw learnError('LEARN_SETTING', { name: 'exampleClip', expected, value: exampleClip })
  }
  add('the gradient of the dynamic regulariser', -1, gradient)
  add('the correction', 1, correction)
  return { pull: proximal + alpha, linear, exampleClip }
}
