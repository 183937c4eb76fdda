import { type LayerSettings, recordLayer } from '../engine/index.ts'
import { modelError } from '../learn/model-errors.ts'
import type { Layer } from './tensorflow.ts'

export interface TiedDenseSettings extends LayerSettings {
  /** The name of an embedding, which the model has before this layer. */
  readonly tiedTo: string
}

/**
 * A projection by the table of an embedding, which TensorFlow.js lacks: the output has a value for each row of the table,
 * the product of the row with the input's last dimension. So a language model's scores of words share the weights of the
 * words' embedding. Call this where a learner's model is made.
 *
 * @throws LEARN_ENGINE_LAYER on TensorFlow.js.
 * @see Press and Wolf, Using the output embedding to improve language models, EACL 2017.
 */
export function tiedDense(settings: TiedDenseSettings): Layer
export function tiedDense(settings: TiedDenseSettings): unknown {
  const recorded = recordLayer('TiedDense', { ...settings })
  if (recorded === undefined) throw modelError('LEARN_ENGINE_LAYER', { what: 'tiedDense' })
  return recorded
}
