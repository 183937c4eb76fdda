import type { LayerEntry } from './entries.ts'

const sequence = [[5, 3]]

const simple = {
  units: 'number of units: the length of the state, and of an output',
  recurrent_initializer: 'initial values of the kernel that the state is multiplied with',
  return_sequences: 'whether the states after all steps are returned, as [steps, units], in place of the last one',
  go_backwards: 'whether the last step comes first, also in what is returned',
  return_state: 'whether the state is an output of its own',
  stateful: "whether a batch begins with the last batch's state",
  dropout: 'share of the inputs that is dropped in a step',
  recurrent_dropout: 'share of the state that is dropped in a step',
  unroll: 'without effect',
  implementation: 'without effect',
}

const gated = { ...simple, recurrent_activation: 'applied to the gates' }

/** Layers over [steps, channels], and layers that mask steps. */
export const recurrentEntries: readonly LayerEntry[] = [
  {
    className: 'LSTM',
    summary:
      "Over [steps, channels]: gates i, f, o and the candidate g are activations of x·W + h·R + b; c' = f·c + i·g, h' = o·activation(c'). Masked steps leave h and c as they are.",
    source: 'Hochreiter and Schmidhuber, Neural Computation 1997',
    settings: { ...gated, unit_forget_bias: 'whether the bias of the gate f begins with 1' },
    example: { config: { units: 2 }, inputs: sequence },
  },
  {
    className: 'GRU',
    summary:
      "Over [steps, channels]: gates z and r are activations of x·W + h·R + b, the candidate g is that of x·W + (r·h)·R + b; h' = z·h + (1 − z)·g. Masked steps leave h as it is.",
    source: 'Cho et al., EMNLP 2014',
    settings: { ...gated, reset_after: 'whether r multiplies after the product with R' },
    example: { config: { units: 2 }, inputs: sequence },
  },
  {
    className: 'SimpleRNN',
    summary: "Over [steps, channels]: h' = activation(x·W + h·R + b). Masked steps leave h as it is.",
    settings: simple,
    example: { config: { units: 2 }, inputs: sequence },
  },
  {
    className: 'Bidirectional',
    summary:
      'A recurrent layer, and one like it that begins with the last step, whose outputs are joined step by step.',
    source: 'Schuster and Paliwal, IEEE Transactions on Signal Processing 1997',
    settings: {
      layer: 'the recurrent layer',
      merge_mode: 'side by side, their sum, mean or product',
    },
    example: { config: { layer: { class_name: 'GRU', config: { name: 'inner', units: 2 } } }, inputs: sequence },
  },
  {
    className: 'TimeDistributed',
    summary: 'A dense layer at each step, as a dense layer over [steps, channels] by itself.',
    settings: { layer: 'the dense layer' },
    example: { config: { layer: { class_name: 'Dense', config: { units: 2 } } }, inputs: sequence },
  },
  {
    className: 'Masking',
    summary:
      'Masks the steps whose channels all have one value: they become 0, and recurrent layers skip them. Dense layers, activations, normalizations, dropout and recurrent layers hand a mask on; others end it.',
    settings: { mask_value: 'the value of padding' },
    example: { inputs: sequence },
  },
]
