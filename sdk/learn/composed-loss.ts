import type { Examples } from '../data/examples.ts'
import { type FittedLoss, requireColumn, targetsIn } from './fitted-loss.ts'
import { type OwnLoss, ownLossOf } from './own-loss.ts'

/** Outputs of a batch, row-major, one example after another. */
export interface BatchRows {
  readonly outputs: Float32Array
  readonly representations?: Float32Array | undefined
}

/** The loss of a batch, and the gradients of the sum of its examples' losses, times a scale. */
interface BatchLoss {
  /** Of each example, times its weight. */
  readonly losses: Float64Array
  readonly sum: number
  readonly outputs: Float64Array
  readonly representations: Float64Array
}

/**
 * Runs a loss that is a composition of operations on batches of given examples.
 *
 * @throws LEARN_OWN_LOSS, LEARN_LABEL; LEARN_EXAMPLE for a weight below 0.
 */
export function composedLoss(
  fitted: FittedLoss,
  own: OwnLoss,
  examples: Examples,
): (indices: Uint32Array, rows: BatchRows, scale?: number) => BatchLoss {
  const perExample = targetsIn(fitted, examples)
  const columns = (own.columns ?? []).map((name) => [name, requireColumn(examples.columns ?? {}, name)] as const)
  return (indices, { outputs, representations }, scale) => {
    const targets = new Float32Array(indices.length * perExample)
    const weights = new Float64Array(indices.length)
    for (const [row, index] of indices.entries()) {
      fitted.read(examples, index, targets, row * perExample)
      fitted.weigh(examples, index, targets, row * perExample, weights, row)
    }
    const given = Object.fromEntries(
      columns.map(([name, column]) => [name, Float64Array.from(indices, (index) => column(index))]),
    )
    const values = { examples: indices.length, outputs, representations, targets, columns: given }
    const factors = scale === undefined ? undefined : weights.map((weight) => scale * weight)
    const found = ownLossOf(own, values, factors)
    const losses = found.losses.map((loss, row) => loss * weights[row]!)
    return { ...found, losses, sum: losses.reduce((sum, loss) => sum + loss, 0) }
  }
}
