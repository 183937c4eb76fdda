import type { Examples } from '../data/examples.ts'
import { exp, log } from '../random/elementary.ts'
import { learnError } from './errors.ts'
import type { FittedLoss } from './fitted-loss.ts'
import type { ContrastiveTerm, GroupTerm } from './learner.ts'

/** A term of one example: its value, without its weight, and the gradient by an output of a layer. */
export interface ExampleTerm {
  readonly value: number
  readonly gradient: Float64Array
}

/**
 * The contrastive term of MOON and its gradient by z, times the term's weight and `scale`.
 *
 * @param z the representation by the weights in training.
 * @param shared by the round's weights, `previous` by the client's previous ones.
 */
export function contrastiveOf(
  { weight, temperature }: ContrastiveTerm,
  z: Float32Array,
  { shared, previous }: { readonly shared: Float32Array; readonly previous: Float32Array },
  scale: number,
): ExampleTerm {
  const near = similarity(z, shared)
  const far = similarity(z, previous)
  const apart = (far.value - near.value) / temperature
  // log(1 + eˣ) without an overflow.
  const value = apart > 0 ? apart + log(1 + exp(-apart)) : log(1 + exp(apart))
  const factor = (scale * weight) / (temperature * (1 + exp(-apart)))
  return { value, gradient: near.gradient.map((slope, i) => factor * (far.gradient[i]! - slope)) }
}

/** The cosine of two vectors, and its gradient by the first. Both are 0 where a vector is 0. */
function similarity(z: Float32Array, other: Float32Array): ExampleTerm {
  let [product, squares, others] = [0, 0, 0]
  for (let i = 0; i < z.length; i++) {
    product += z[i]! * other[i]!
    squares += z[i]! * z[i]!
    others += other[i]! * other[i]!
  }
  const gradient = new Float64Array(z.length)
  const lengths = Math.sqrt(squares) * Math.sqrt(others)
  if (lengths === 0) return { value: 0, gradient }
  const value = product / lengths
  for (let i = 0; i < z.length; i++) gradient[i] = other[i]! / lengths - (value * z[i]!) / squares
  return { value, gradient }
}

/**
 * Makes the term over groups: factor·p of an example, with p the probability of class 1, and its gradient by the outputs,
 * times `scale`.
 *
 * @throws LEARN_COLUMN without the column of groups, LEARN_SETTING for a model without two classes.
 */
export function groupTermOf(
  { column, factors }: GroupTerm,
  { columns = {}, ...examples }: Examples,
  { loss, rows, size: outputs }: Pick<FittedLoss, 'loss' | 'rows' | 'size'>,
): (index: number, row: Float32Array, scale: number) => ExampleTerm {
  const group = columns[column]
  if (!group) throw learnError('LEARN_COLUMN', { name: column, known: Object.keys(columns).join(', ') || 'none' })
  const classes = loss.targets === 'classes' ? 2 : loss.targets === 'labels' ? 1 : undefined
  if (rows !== 1 || outputs !== classes) {
    const expected = 'absent, since the model has no two classes'
    throw learnError('LEARN_SETTING', { name: 'groups', expected, value: column })
  }
  return (index, row, scale) => {
    const factor = factors[group(index) === 0 ? 0 : 1][examples.label(index) === 0 ? 0 : 1]
    // The logit of class 1: the difference of two outputs, or the one output.
    const logit = outputs === 2 ? row[1]! - row[0]! : row[0]!
    const probability = 1 / (1 + exp(-logit))
    const slope = scale * factor * probability * (1 - probability)
    const gradient = outputs === 2 ? Float64Array.of(-slope, slope) : Float64Array.of(slope)
    return { value: factor * probability, gradient }
  }
}
