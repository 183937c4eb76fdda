import { errorFactory } from '../../runtime/index.ts'

export const weightsErrors = {
  WEIGHTS_FILE: {
    message: 'weights file {file} cannot be read: {reason}',
    hint: '{advice}',
  },
  WEIGHTS_ARCHITECTURE: {
    message: '{file} holds weights alone, and not the model that they belong to',
    hint: 'make the model in your own code, and read its weights with initialWeightsFrom',
  },
  WEIGHTS_FORMAT: {
    message: 'there is no reader for the weights file {file}',
    hint: 'give a .safetensors or .npz file, or the model.json of a TensorFlow.js model',
  },
  WEIGHTS_DAMAGED: {
    message: 'weights file {file} is damaged at byte {offset}: expected {expected}, but found {came}',
    hint: 'get the file again, or save it again',
  },
  WEIGHTS_MANIFEST: {
    message: 'weights file {file} is no TensorFlow.js model with weights: {fault}',
    hint: 'give the model.json that TensorFlow.js or its converter wrote',
  },
  WEIGHTS_SHARD: {
    message: 'the shards {shards} of {file} must have {expected} bytes together, but have {came}',
    hint: 'get all shards again, each whole, and in the order that model.json has',
  },
  WEIGHTS_TYPE: {
    message: "tensor '{tensor}' of {file} has values of type {came}, which can't be read here",
    hint: 'save it with {expected}',
  },
  WEIGHTS_QUANTIZED: {
    message: "tensor '{tensor}' of {file} is quantized to {came}, so that training can't go on from it",
    hint: 'convert the model again without quantization',
  },
  WEIGHTS_NAME: {
    message: "no tensor can be written under the name '{tensor}': {reason}",
    hint: 'rename the tensor, or the layer that it belongs to',
  },
  WEIGHTS_SIZE: {
    message: 'weights must have {expected} values, as the layout says, but have {came}',
    hint: 'use the weights and the layout of the same model',
  },
  WEIGHTS_MISMATCH: {
    message: "the tensors of {file} don't fit the model: {faults}",
    hint: 'use the weights of a model of the same layers, names and shapes',
  },
} as const

export const weightsError = errorFactory(weightsErrors)
