import type { LayerEntry } from './entries.ts'

const two = { inputs: [[4], [4]] }

/** The entries of layers that join several tensors, or that take the weights of another layer. */
export const mergingEntries: readonly LayerEntry[] = [
  {
    className: 'Add',
    summary:
      'The sum of inputs of one shape. As in the next layers, values are repeated along axes of length 1, and along first axes that an input lacks.',
    example: two,
  },
  { className: 'Average', summary: 'The mean of inputs.', example: two },
  { className: 'Multiply', summary: 'The product of inputs, value by value.', example: two },
  { className: 'Maximum', summary: 'The largest of the values of inputs.', example: two },
  { className: 'Minimum', summary: 'The smallest of the values of inputs.', example: two },
  {
    className: 'Concatenate',
    summary: 'Inputs one after the other along an axis, in which alone their shapes may differ.',
    settings: { axis: 'the axis: 1 is the first of an example; below 0, counted from the last' },
    example: two,
  },
  {
    className: 'TiedDense',
    summary:
      "The product of the input's channels with each row of an embedding: its scores for all numbers, by the same weights. TensorFlow.js lacks this layer: call `tiedDense` of `flame-fl/sdk` where the model is made.",
    source: 'Press and Wolf, EACL 2017',
    settings: { tied_to: 'the name of the embedding, which comes before' },
  },
]
