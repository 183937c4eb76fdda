import { joinedMask } from '../ops/sequence.ts'
import type { Plan, Tensor } from '../plan.ts'
import type { LayerNode } from './layer-graph.ts'
import type { LayerSettings } from './layer-settings.ts'

/** Layers that say themselves which mask their output has. */
const deciding = new Set(['Bidirectional', 'Embedding', 'GRU', 'LSTM', 'Masking', 'SimpleRNN'])

/** Layers whose output has the mask of their input, as in TensorFlow.js. Others, such as flatten, end a mask. */
const carrying = new Set([
  'Activation',
  'BatchNormalization',
  'Dense',
  'Dropout',
  'ELU',
  'LayerNormalization',
  'LeakyReLU',
  'MultiHeadAttention',
  'PReLU',
  'PositionEmbedding',
  'ReLU',
  'SinePositionEncoding',
  'Softmax',
  'ThresholdedReLU',
  'TimeDistributed',
])

/** Layers that join tensors step by step, or one after another. */
const joining = new Set(['Add', 'Average', 'Concatenate', 'Maximum', 'Minimum', 'Multiply'])

/**
 * The mask of a layer's output.
 *
 * @throws LEARN_ENGINE_MODEL for a layer that joins steps with different masks.
 */
export function outputMask(
  plan: Plan,
  { className }: LayerNode,
  settings: LayerSettings,
  inputs: readonly Tensor[],
  output: Tensor,
): number | undefined {
  if (deciding.has(className)) return output.mask
  if (carrying.has(className)) return inputs[0]?.mask
  if (!joining.has(className)) return undefined
  const isLonger = output.shape.length === 2 && output.shape[0] !== inputs[0]?.shape[0]
  if (className === 'Concatenate' && isLonger) return joinedMask(plan, settings.name, inputs)
  const [mask, ...others] = new Set(inputs.flatMap((input) => input.mask ?? []))
  if (others.length > 0) throw settings.refuse('joins steps with different masks: use one masking layer before them')
  return mask
}
