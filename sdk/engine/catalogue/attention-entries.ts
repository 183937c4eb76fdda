import type { LayerEntry } from './entries.ts'

const steps = [[5, 4]]

/** Layers that TensorFlow.js lacks: functions of `flame-fl/sdk` make them, where the model is made. */
export const attentionEntries: readonly LayerEntry[] = [
  {
    className: 'MultiHeadAttention',
    summary:
      'softmax(Q·Kᵀ/√keyDim)·V for each head, and a projection of all heads, as in Keras. Call `multiHeadAttention` of `flame-fl/sdk`, and apply it to a query, for self-attention; to [query, value]; or to [query, value, key]. Steps that the mask of the value calls padding get no attention.',
    source: 'Vaswani et al., NeurIPS 2017',
    settings: {
      num_heads: 'number of heads',
      key_dim: "number of values of a head's query and key",
      value_dim: "number of values of a head's value; by default keyDim",
      output_shape: 'number of channels of the output; by default those of the query',
      use_causal_mask: 'whether a step attends only to itself and to the steps before it',
      dropout: 'probability at which a weight of the attention is dropped in training; not on TensorFlow.js',
    },
    example: { config: { num_heads: 2, key_dim: 3 }, inputs: steps },
  },
  {
    className: 'PositionEmbedding',
    summary:
      'A trained row for each step, in the shape of the input, to be added to it. Call `positionEmbedding` of `flame-fl/sdk`.',
    settings: {
      sequence_length: 'number of rows, at least the number of steps; by default that number',
      embeddings_initializer: 'initial values of the rows',
    },
    example: { inputs: steps },
  },
  {
    className: 'SinePositionEncoding',
    summary:
      'sin(p/w^(2i/channels)) for step p in channel 2i, and the cosine in channel 2i + 1, to be added to the input. Call `sinePositionEncoding` of `flame-fl/sdk`.',
    source: 'Vaswani et al., NeurIPS 2017',
    settings: { max_wavelength: 'w, from 1' },
    example: { inputs: steps },
  },
]
