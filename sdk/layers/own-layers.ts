import { registerAttention } from './attention.ts'
import { registerGroupNormalization } from './group-normalization.ts'
import type { TensorFlow } from './tensorflow.ts'

/**
 * Registers the classes of this package's own layers with a TensorFlow.js, so that it can load models with these layers.
 * Learners and `loadLayersModel` call this themselves.
 */
export function registerOwnLayers(tf: TensorFlow): void {
  registerGroupNormalization(tf)
  registerAttention(tf)
}
