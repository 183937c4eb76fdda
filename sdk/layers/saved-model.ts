import type { Learner } from '../learn/learner.ts'
import { type Layout, type NamedTensor, weightsOf } from '../weights/layout.ts'
import { registerOwnLayers } from './own-layers.ts'
import type { LayersModel, TensorFlow } from './tensorflow.ts'

/** A layers model from a model.json and its weights. */
export interface SavedModel {
  readonly topology: object
  readonly tensors: readonly NamedTensor[]
  /** The file's name, for messages. */
  readonly file: string
}

/**
 * The learner, with the initial weights of a saved model, which are checked when the job begins. Unchanged for a model
 * function.
 */
export function startingFrom(model: SavedModel | ((tf: TensorFlow) => LayersModel), learner: Learner): Learner {
  if (typeof model === 'function') return learner
  const { tensors, file } = model
  return { ...learner, initialWeights: async () => weightsOf(tensors, learner.layout, file) }
}

/** The weights of a TensorFlow.js model, under the names of its layout, which has the same order. */
export function tensorsOf(model: LayersModel, { tensors }: Layout): readonly NamedTensor[] {
  const weights = model.getWeights()
  return tensors.map((tensor, index) => ({ ...tensor, values: Float32Array.from(weights[index]?.dataSync() ?? []) }))
}

/** Loads the model into TensorFlow.js, with its weights. */
export async function loadSavedModel(tf: TensorFlow, { topology, tensors }: SavedModel): Promise<LayersModel> {
  registerOwnLayers(tf)
  const values = new Float32Array(tensors.reduce((size, tensor) => size + tensor.values.length, 0))
  let end = 0
  for (const tensor of tensors) {
    values.set(tensor.values, end)
    end += tensor.values.length
  }
  const weightSpecs = tensors.map(({ name, shape }) => ({ name, shape: [...shape], dtype: 'float32' as const }))
  return tf.loadLayersModel(tf.io.fromMemory({ modelTopology: topology, weightSpecs, weightData: values.buffer }))
}
