import type { Examples } from '../data/examples.ts'
import { contrastiveOf, groupTermOf } from '../learn/example-terms.ts'
import type { FittedLoss } from '../learn/fitted-loss.ts'
import type { ContrastiveTerm, GroupTerm } from '../learn/learner.ts'
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

/**
 * Copies the outputs of a layer for `rows` rows of a pass, from row `first` on, without padding, one example after another.
 */
export function rowsOf(
  engine: Engine,
  tensor: Tensor,
  rows: number,
  into: Float32Array,
  from: number,
  first = 0,
): void {
  const { pixels, channels, pitch } = tensor
  const values = engine.floats(tensor.value + 4 * first * tensorSize(tensor), rows * tensorSize(tensor))
  for (let row = 0, next = from; row < rows; row++)
    for (let pixel = 0; pixel < pixels; pixel++, next += channels) {
      const at = (row * pixels + pixel) * pitch
      into.set(values.subarray(at, at + channels), next)
    }
}

/** Adds to the gradient of a row of a tensor. */
export function addToRow(engine: Engine, tensor: Tensor, row: number, gradient: Float64Array): void {
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
  term: ContrastiveTerm,
  { shared, previous }: { readonly shared: Float32Array; readonly previous: Float32Array },
): ExampleTerm {
  const size = tensor.pixels * tensor.channels
  const rowOf = (values: Float32Array, row: number) => values.subarray(row * size, (row + 1) * size)
  return {
    add(indices, scale) {
      const rows = new Float32Array(indices.length * size)
      rowsOf(engine, tensor, indices.length, rows, 0)
      let total = 0
      for (const [row, index] of indices.entries()) {
        const others = { shared: rowOf(shared, index), previous: rowOf(previous, index) }
        const { value, gradient } = contrastiveOf(term, rowOf(rows, row), others, scale)
        total += value
        addToRow(engine, tensor, row, gradient)
      }
      return total
    },
  }
}

/** The term over groups: factor·p for each example, with p the probability of class 1. */
export function groupTerm(engine: Engine, fitted: FittedLoss, term: GroupTerm, examples: Examples): ExampleTerm {
  const { output, outputs } = engine
  const of = groupTermOf(term, examples, fitted)
  return {
    add(indices, scale) {
      const rows = new Float32Array(indices.length * outputs)
      rowsOf(engine, output, indices.length, rows, 0)
      let total = 0
      for (const [row, index] of indices.entries()) {
        const { value, gradient } = of(index, rows.subarray(outputs * row, outputs * (row + 1)), scale)
        total += value
        addToRow(engine, output, row, gradient)
      }
      return total
    },
  }
}
