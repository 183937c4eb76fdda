import type { NamedTensorMap, Scalar, Variable } from '@tensorflow/tfjs'
import type { TensorFlow } from './tensorflow.ts'

/** Value and gradients of the loss. Where a kernel fails, TensorFlow.js would keep what it has saved for the way back. */
export function lossGradients(
  tf: TensorFlow,
  loss: () => Scalar,
  variables: Variable[],
): { readonly value: Scalar; readonly grads: NamedTensorMap } {
  try {
    return tf.variableGrads(loss, variables)
  } catch (error) {
    for (const { saved = [] } of tf.engine().state.activeTape ?? []) for (const tensor of saved) tensor.dispose()
    throw error
  }
}
