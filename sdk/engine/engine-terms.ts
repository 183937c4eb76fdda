import type { Examples } from '../data/examples.ts'
import { learnError } from '../learn/errors.ts'
import type { ContrastiveTerm, GroupTerm } from '../learn/learner.ts'
import type { LossName } from '../learn/loss.ts'
import { exp, log } from '../random/elementary.ts'
import type { Engine, Tap } from './engine.ts'
import { type Tensor, tensorSize } from './plan.ts'

/** A term over the examples of a pass, whose gradient is added to that of a layer's output. */
export interface ExampleTerm {
  /**
   * Adds the gradient of the examples' terms, times `scale`, and returns the sum of the terms. `indices` are those of the
   * pass's examples.
   */
  add(indices: Uint32Array, scale: number): number
}

/** Copies the outputs of a layer for the rows of a pass, without padding, one example after another. */
export function rowsOf(engine: Engine, tensor: Tensor, rows: number, into: Float32Array, from: number): void {
  const { pixels, channels, pitch } = tensor
  const values = engine.floats(tensor.value, rows * tensorSize(tensor))
  for (let row = 0, next = from; row < rows; row++)
    for (let pixel = 0; pixel < pixels; pixel++, next += channels) {
      const at = (row * pixels + pixel) * pitch
      into.set(values.subarray(at, at + channels), next)
    }
}

/** Calls `add` with the gradient of one output value, to which a term's gradient is added. */
function addToRow(engine: Engine, tensor: Tensor, row: number, gradient: Float64Array): void {
  const { pixels, channels, pitch } = tensor
  const values = engine.floats(tensor.gradient + 4 * row * tensorSize(tensor), tensorSize(tensor))
  for (let pixel = 0, next = 0; pixel < pixels; pixel++)
    for (let channel = 0; channel < channels; channel++, next++) values[pixel * pitch + channel]! += gradient[next]!
}

/**
 * The contrastive term of MOON. `shared` and `previous` are the representations of all examples, in order, by the round's
 * and by the client's previous weights.
 */
export function contrastiveTerm(
  engine: Engine,
  { tensor }: Tap,
  { weight, temperature }: ContrastiveTerm,
  { shared, previous }: { readonly shared: Float32Array; readonly previous: Float32Array },
): ExampleTerm {
  const size = tensor.pixels * tensor.channels
  return {
    add(indices, scale) {
      const rows = new Float32Array(indices.length * size)
      rowsOf(engine, tensor, indices.length, rows, 0)
      let total = 0
      for (const [row, index] of indices.entries()) {
        const z = rows.subarray(row * size, (row + 1) * size)
        const near = similarity(z, shared.subarray(index * size, (index + 1) * size))
        const far = similarity(z, previous.subarray(index * size, (index + 1) * size))
        const apart = (far.value - near.value) / temperature
        // log(1 + eˣ) without an overflow.
        total += apart > 0 ? apart + log(1 + exp(-apart)) : log(1 + exp(apart))
        const factor = (scale * weight) / (temperature * (1 + exp(-apart)))
        addToRow(
          engine,
          tensor,
          row,
          near.gradient.map((value, i) => factor * (far.gradient[i]! - value)),
        )
      }
      return total
    },
  }
}

/** The cosine of two vectors, and its gradient by the first. Both are 0 where a vector is 0. */
function similarity(z: Float32Array, other: Float32Array): { readonly value: number; readonly gradient: Float64Array } {
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

/** The term over groups: factor·p for each example, with p the probability of class 1. */
export function groupTerm(
  engine: Engine,
  loss: LossName,
  { column, factors }: GroupTerm,
  { columns = {}, ...examples }: Examples,
): ExampleTerm {
  const { output, outputs } = engine
  const group = columns[column]
  if (!group) throw learnError('LEARN_COLUMN', { name: column, known: Object.keys(columns).join(', ') || 'none' })
  if (outputs > 2 || loss === 'meanSquaredError') {
    const expected = 'absent, since the model has no two classes'
    throw learnError('LEARN_SETTING', { name: 'groups', expected, value: column })
  }
  return {
    add(indices, scale) {
      const rows = new Float32Array(indices.length * outputs)
      rowsOf(engine, output, indices.length, rows, 0)
      let total = 0
      for (const [row, index] of indices.entries()) {
        const factor = factors[group(index) === 0 ? 0 : 1][examples.label(index) === 0 ? 0 : 1]
        // The logit of class 1: the difference of two outputs, or the one output.
        const logit = outputs === 2 ? rows[2 * row + 1]! - rows[2 * row]! : rows[row]!
        const probability = 1 / (1 + exp(-logit))
        total += factor * probability
        const slope = scale * factor * probability * (1 - probability)
        addToRow(engine, output, row, outputs === 2 ? Float64Array.of(-slope, slope) : Float64Array.of(slope))
      }
      return total
    },
  }
}
