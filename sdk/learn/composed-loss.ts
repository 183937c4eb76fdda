import type { Examples } from '../data/examples.ts'
import { type FittedLoss, type OutputPart, requireColumn, targetsIn } from './fitted-loss.ts'
import { type OwnLoss, ownLossOf } from './own-loss.ts'
import { rowLoss } from './row-loss.ts'

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
  /** Sums of the losses of several outputs, without their factors. */
  readonly byOutput?: Float64Array
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
  const { parts } = fitted
  if (parts) return (indices, rows, scale) => outputLosses(fitted, parts, examples, indices, rows, scale)
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

/** The losses of several outputs, each with its factor. */
function outputLosses(
  fitted: FittedLoss,
  parts: readonly OutputPart[],
  examples: Examples,
  indices: Uint32Array,
  { outputs }: BatchRows,
  scale = 0,
): BatchLoss {
  const perExample = fitted.size
  const target = new Float32Array(fitted.targets)
  const slopes = new Float64Array(outputs.length)
  const losses = new Float64Array(indices.length)
  const byOutput = new Float64Array(parts.length)
  for (const [row, index] of indices.entries()) {
    fitted.read(examples, index, target, 0)
    for (const [at, { fitted: own, weight, output, target: first }] of parts.entries()) {
      const weights = new Float64Array(own.rows)
      own.weigh(examples, index, target, first, weights, 0)
      const targets = own.targets / own.rows
      for (const [step, ofRow] of weights.entries()) {
        if (ofRow === 0) continue
        const from = row * perExample + output + step * own.size
        const slope = slopes.subarray(from, from + own.size)
        const goal = target.subarray(first + step * targets, first + (step + 1) * targets)
        const loss = ofRow * rowLoss(own.loss, outputs.subarray(from, from + own.size), goal, slope)
        for (const place of slope.keys()) slope[place]! *= scale * weight * ofRow
        byOutput[at]! += loss
        losses[row]! += weight * loss
      }
    }
  }
  const sum = losses.reduce((total, loss) => total + loss, 0)
  return { losses, sum, outputs: slopes, representations: new Float64Array(), byOutput }
}
