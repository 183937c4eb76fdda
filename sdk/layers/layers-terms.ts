import type { LayersModel, Scalar, SymbolicTensor, Tensor } from '@tensorflow/tfjs'
import { learnError } from '../learn/errors.ts'
import { contrastiveOf, type ExampleTerm, groupTermOf } from '../learn/example-terms.ts'
import type { TrainingRequest } from '../learn/learner.ts'
import type { Subject } from './layers-steps.ts'

/** The outputs of the model for a batch, and those of the layer of the representation where a term needs them. */
export interface BatchOutputs {
  readonly outputs: Tensor
  readonly representation?: Tensor | undefined
}

/** The terms over the examples of a batch: MOON's and FedGFT's. */
export interface BatchTerms {
  /** The model to run in a training. */
  readonly model: LayersModel
  /**
   * A number whose gradient is that of the mean of the examples' terms. Its value has no meaning: the same code as the
   * engine's computes the terms and their gradients by the outputs, and each output is multiplied by its gradient.
   */
  surrogate(indices: Uint32Array, outputs: BatchOutputs): Scalar | undefined
  /** Σ of the contrastive term over all examples so far. Undefined without this term. */
  contrasts(): number | undefined
}

/**
 * Makes the terms of a request. `representations` runs a model on all examples by given weights, and returns the outputs,
 * one example after another.
 *
 * @throws LEARN_SETTING where the model has no such layer, or no two classes; LEARN_COLUMN.
 */
export function batchTerms(
  subject: Subject,
  { terms: { contrastive, groups } = {}, examples }: Pick<TrainingRequest, 'terms' | 'examples'>,
  centre: Float32Array,
  representations: (model: LayersModel, weights: Float32Array) => Float32Array,
): BatchTerms {
  const { tf, fitted } = subject
  const grouped = groups && groupTermOf(groups, examples, fitted)
  const taps = contrastive && tapsOf(subject, contrastive.layer)
  let contrasts = 0
  let contrast: ((index: number, z: Float32Array, scale: number) => ExampleTerm) | undefined
  if (contrastive && taps) {
    const shared = representations(taps.alone, centre)
    const previous = representations(taps.alone, contrastive.previous)
    const size = shared.length / examples.count
    const rowOf = (values: Float32Array, index: number) => values.subarray(index * size, (index + 1) * size)
    contrast = (index, z, scale) => {
      const others = { shared: rowOf(shared, index), previous: rowOf(previous, index) }
      return contrastiveOf(contrastive, z, others, scale)
    }
  }
  /** Σ output·gradient over the rows of a batch, and the sum of the terms. */
  const weighed = (indices: Uint32Array, values: Tensor, of: NonNullable<typeof contrast>) => {
    const rows = values.dataSync<'float32'>()
    const size = rows.length / indices.length
    const gradients = new Float32Array(rows.length)
    let total = 0
    for (const [row, index] of indices.entries()) {
      const { value, gradient } = of(index, rows.subarray(row * size, (row + 1) * size), 1 / indices.length)
      total += value
      gradients.set(gradient, row * size)
    }
    return { total, product: values.mul(tf.tensor(gradients, values.shape)).sum<Scalar>() }
  }
  return {
    model: taps?.both ?? subject.model,
    surrogate(indices, { outputs, representation }) {
      const byGroup = grouped && weighed(indices, outputs, grouped).product
      const byContrast = contrast && representation && weighed(indices, representation, contrast)
      contrasts += byContrast?.total ?? 0
      return byGroup && byContrast ? byGroup.add(byContrast.product) : (byGroup ?? byContrast?.product)
    },
    contrasts: () => (contrast ? contrasts : undefined),
  }
}

/** Models over the layers of a learner's model: one that ends with a representation, and one with both outputs. */
interface Taps {
  readonly alone: LayersModel
  readonly both: LayersModel
}

/** By model and layer: made once, since each model over a layer stays known to the layer. */
const knownTaps = new WeakMap<LayersModel, Map<string | undefined, Taps>>()

function tapsOf(subject: Subject, layer: string | undefined): Taps {
  const { tf, model } = subject
  const known = knownTaps.get(model) ?? new Map<string | undefined, Taps>()
  knownTaps.set(model, known)
  const found = known.get(layer)
  if (found) return found
  const output = representationOf(subject, layer)
  const { inputs } = model
  const taps = {
    alone: tf.model({ inputs, outputs: output }),
    both: tf.model({ inputs, outputs: [...model.outputs, output] }),
  }
  known.set(layer, taps)
  return taps
}

/** The output of the named layer, by default the input of the last layer with weights. */
function representationOf({ model, description }: Subject, name: string | undefined): SymbolicTensor {
  const { layers } = model
  const first = layers.findIndex(({ weights }) => weights.length > 0)
  const withGradient = first < 0 ? [] : layers.slice(first)
  const head = layers.findLast(({ weights }) => weights.length > 0)
  const output =
    name === undefined
      ? head !== withGradient[0] && head?.input
      : withGradient.find((layer) => description.nameOf(layer) === name)?.output
  if (output && !Array.isArray(output)) return output
  const names = withGradient.map((layer) => description.nameOf(layer)).join(', ')
  const expected = `a layer with weights before it or of its own: one of ${names}`
  throw learnError('LEARN_SETTING', { name: 'the layer of the representation', expected, value: name })
}
