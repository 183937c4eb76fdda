import { constant, Differentiable } from './differentiable.ts'
import { modelError } from './model-errors.ts'

/** The examples of a batch as a loss sees them: tables with a row for each example. */
export interface LossBatch {
  readonly examples: number
  /** The outputs of the model, before a last activation that a loss of the engine would apply. */
  readonly outputs: Differentiable
  /** The outputs of the layer that `representation` names. */
  readonly representations: Differentiable
  /** The label, or the target's values. */
  readonly targets: Differentiable
  /** A column of the examples, among those that `columns` names. */
  column(name: string): Differentiable
}

/**
 * A loss of one's own, composed of operations whose gradients are known. It may not keep anything from one batch to the
 * next, nor read a clock or draw numbers: the same batch must give the same bits.
 */
export interface OwnLoss {
  /** Names the loss in messages. */
  readonly name: string
  /** Columns of the examples that the loss reads, such as a group or a weight. */
  readonly columns?: readonly string[]
  /** A layer whose outputs the loss reads. */
  readonly representation?: string
  /** Number of classes that labels name, if they do. Other labels are refused. */
  readonly classes?: number
  /**
   * Whether an example's loss depends on the other examples of its batch. The batch is then one pass, and an evaluation is
   * the mean over batches in the order of the examples. Default false.
   */
  readonly wholeBatch?: boolean
  /** The loss of each example: a table of one column. */
  of(batch: LossBatch): Differentiable
}

/** The values of a batch, row-major, one example after another. */
export interface LossValues {
  readonly examples: number
  readonly outputs: Float32Array
  readonly representations: Float32Array | undefined
  readonly targets: Float32Array
  readonly columns: Readonly<Record<string, Float64Array>>
}

interface LossGradient {
  /** The loss of each example. */
  readonly losses: Float64Array
  /** By the outputs: of Σ factor·loss, with a factor for each example. Empty without factors. */
  readonly outputs: Float64Array
  readonly representations: Float64Array
}

/**
 * Runs a loss of one's own on a batch. `factors`: those of the examples' losses in the sum whose gradient is asked for.
 *
 * @throws LEARN_OWN_LOSS unless the loss gives one value for each example.
 */
export function ownLossOf(loss: OwnLoss, values: LossValues, factors?: Float64Array): LossGradient {
  const { examples } = values
  const outputs = table(examples, values.outputs)
  const representations = values.representations && table(examples, values.representations)
  const found = loss.of({
    examples,
    outputs,
    get representations() {
      if (representations) return representations
      throw modelError('LEARN_OWN_LOSS', { loss: loss.name, came: 'reads representations of no layer' })
    },
    targets: table(examples, values.targets),
    column(name) {
      const column = values.columns[name]
      if (column) return new Differentiable(examples, 1, column)
      throw modelError('LEARN_OWN_LOSS', { loss: loss.name, came: `reads a column ${name} that it doesn't name` })
    },
  })
  if (found.rows !== examples || found.columns !== 1) {
    const came = `gives ${found.rows} × ${found.columns} values for ${examples} examples`
    throw modelError('LEARN_OWN_LOSS', { loss: loss.name, came })
  }
  if (!factors) return { losses: found.values, outputs: new Float64Array(), representations: new Float64Array() }
  const by = representations ? [outputs, representations] : [outputs]
  const [ofOutputs = new Float64Array(), ofRepresentations = new Float64Array()] = found.gradients(by, factors)
  return { losses: found.values, outputs: ofOutputs, representations: ofRepresentations }
}

function table(examples: number, values: Float32Array): Differentiable {
  return new Differentiable(examples, values.length / Math.max(1, examples), Float64Array.from(values))
}

/**
 * The supervised contrastive loss: of example i with the outputs z_i of length 1, and P(i) the other examples of its
 * class in the batch, −1/|P(i)| · Σ_{p ∈ P(i)} log(exp(z_i·z_p/T) / Σ_{a ≠ i} exp(z_i·z_a/T)). 0 for an example without
 * others of its class.
 *
 * @see Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, equation 2.
 */
export function supervisedContrastive(temperature: number): OwnLoss {
  return {
    name: 'supervisedContrastive',
    wholeBatch: true,
    of({ examples, outputs, targets }) {
      if (examples === 1) return outputs.sum().times(0)
      const z = outputs.normalized()
      const similar = z.product(z.transposed()).over(temperature)
      const rowOf = (at: number) => Math.floor(at / examples)
      const isItself = (at: number) => rowOf(at) === at % examples
      const others = similar.plus(constant(similar, (_, at) => (isItself(at) ? -1e9 : 0)))
      const shares = similar.minus(others.logSumExp())
      const isAlike = constant(similar, (_, at) =>
        Number(!isItself(at) && targets.values[rowOf(at)] === targets.values[at % examples]),
      )
      const alike = isAlike.sum()
      return shares
        .times(isAlike)
        .sum()
        .over(constant(alike, (count) => -Math.max(1, count)))
    },
  }
}
