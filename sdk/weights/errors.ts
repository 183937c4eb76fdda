import { errorFactory } from '../../runtime/index.ts'

export const weightsErrors = {
  WEIGHTS_FILE: {
    message: 'weights file {file} cannot be read: {reason}',
    hint: '{advice}',
  },
  WEIGHTS_ARCHITECTURE: {
    message: '{file} has only weights, and no architecture of their model',
    hint: 'make the model in your own code, and read the weights with initialWeightsFrom',
  },
  WEIGHTS_FORMAT: {
    message: 'there is no reader for the weights file {file}',
    hint: 'give a .safetensors or .npz file, or the model.json of a TensorFlow.js model',
  },
  WEIGHTS_DAMAGED: {
    message: 'weights file {file} is damaged at byte {offset}: expected {expected}, but found {came}',
    hint: 'get the file again, or save the weights again',
  },
  WEIGHTS_MANIFEST: {
    message: 'weights file {file} is no TensorFlow.js model with weights: {fault}',
    hint: 'give a model.json written by TensorFlow.js or its converter',
  },
  WEIGHTS_SHARD: {
    message: 'the shards {shards} of {file} must have {expected} bytes in all, but have {came}',
    hint: 'get all shards again, each whole, and list them in order in model.json',
  },
  WEIGHTS_TYPE: {
    message: "tensor '{tensor}' of {file} has values of type {came}, which this reader does not support",
    hint: 'save the tensor with type {expected}',
  },
  WEIGHTS_QUANTIZED: {
    message: "tensor '{tensor}' of {file} is quantized to {came}, which training can't start from",
    hint: 'convert the model again without quantization',
  },
  WEIGHTS_NAME: {
    message: "a tensor can't be written with the name '{tensor}': {reason}",
    hint: 'rename the tensor or its layer',
  },
  WEIGHTS_SIZE: {
    message: 'weights must have {expected} values, as the layout says, but have {came}',
    hint: 'use the weights and the layout of the same model',
  },
  WEIGHTS_MISMATCH: {
    message: "the tensors of {file} don't fit the model: {faults}",
    hint: 'use weights of a model with the same layers, names and shapes',
  },
} as const

export const weightsError = errorFactory(weightsErrors)
