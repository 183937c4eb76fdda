import { errorFactory } from '../../runtime/index.ts'

const learnErrors = {
  LEARN_ABILITY: {
    message: "the learner can't do what {what} asks for: it lacks the ability {ability}",
    hint: 'use layersLearner, which has all abilities; or let your own learner do it, and name it in its abilities',
  },
  LEARN_DIVERGED: {
    message: 'training diverged: the loss of batch {batch} in epoch {epoch} is {loss}',
    hint: "use a smaller learningRate than {learningRate}, and check that the features and the round's weights are finite and scaled",
  },
  LEARN_EMBEDDING: {
    message:
      'layer {layer} knows the numbers from 0 to below {rows}, but input {position} of example {index} is none of them',
    hint: 'give the embedding as many rows (inputDim) as there are numbers, and the data whole numbers',
  },
  LEARN_EMPTY: {
    message: 'there are no examples to {purpose} on',
    hint: 'give every client, and the test set, at least one example',
  },
  LEARN_ENGINE_MODEL: {
    message: 'the engine cannot run this model: {reason}',
    hint: "let TensorFlow.js run it, with engine: 'tensorflow' or 'auto'",
  },
  LEARN_EVALUATION: {
    message: 'the evaluation of {examples} test examples counts {samples}: expected a whole number from 1',
    hint: 'give { samples, metrics }, where samples says how many examples the means are of',
  },
  LEARN_EXAMPLE: {
    message: '{what} {index} has {value} {place}: expected finite numbers',
    hint: 'leave examples with missing values out, or fill the values in, before the data is given to the job',
  },
  LEARN_EXAMPLE_CLIP: {
    message: 'exampleClip takes one example at a time, but layer {layer} normalizes over a whole batch',
    hint: 'normalize with groupNormalization instead, or leave the batch normalization out',
  },
  LEARN_COLUMN: {
    message: 'the examples have no column {name}: they have {known}',
    hint: 'give the column with the examples, as columns of inMemoryExamples',
  },
  LEARN_HELD_OUT: {
    message: 'client {client} has {count} held-out examples to evaluate on',
    hint: "let the workload's data say which fraction of each client's examples is heldOut, large enough for one of them",
  },
  LEARN_INITIALIZER: {
    message: "tensor {tensor} has the initializer '{initializer}', whose values cannot be drawn from the job's stream",
    hint: '{meant}use zeros, ones, constant, identity (square), orthogonal (a matrix), or a uniform, normal, truncated normal, Glorot, He or LeCun initializer; a layer of your own says it in getConfig, as <name of the weight>Initializer',
  },
  LEARN_INPUT: {
    message: 'the model takes an input of shape [{expected}], but an example has [{came}]',
    hint: "give the model's first layer the shape of one example, without the batch",
  },
  LEARN_LABEL: {
    message: 'example {index} has label {label}, but the model has {outputs} outputs',
    hint: 'labels are classes from 0; give the last layer one unit per class, or check the data',
  },
  LEARN_LAST_ACTIVATION: {
    message: 'the model ends with the {activation} of layer {layer}, which does not go with {loss}: {reason}',
    hint: '{instead}',
  },
  LEARN_LAYER_NAME: {
    message: "the name '{name}' {fault}, so that TensorFlow.js could not load the model",
    hint: "give each layer a name of its own, of letters, digits, '.', '_', '-' and '/', the first a letter or a digit; or none: it is numbered then",
  },
  LEARN_METRIC: {
    message: 'metric {name} of {what} is {value}: expected a number',
    hint: 'give metrics as numbers, each a mean over the examples, and leave out one that has no value',
  },
  LEARN_MODEL: {
    message: 'the model must be a layers model with one input and one output of known shape, but {came}',
    hint: 'return tf.sequential({ layers: [...] }) whose first layer has an inputShape, or tf.model({ inputs, outputs })',
  },
  LEARN_NATIVE: {
    message: 'the native TensorFlow in {folder} does not load: {reason}',
    hint: 'remove that folder and install or build it again, or do without it',
  },
  LEARN_OUTSIDE_MODEL: {
    message: '{what} was called where no model is being made',
    hint: "call it in the function that is a learner's model",
  },
  LEARN_OVERFLOW: {
    message: 'training diverged: after its last step, of batch {batch} in epoch {epoch}, weights are not finite',
    hint: "use a smaller learningRate than {learningRate}, and check that the round's weights and terms are finite",
  },
  LEARN_OUTPUTS: {
    message:
      '{loss} takes labels of shape [1], one number an example, but the model gives outputs of shape [{outputs}]',
    hint: "end the model with a dense layer of one unit; for one of several classes use 'softmaxCrossEntropy'",
  },
  LEARN_PART: {
    message: 'the model has no part {part}: {reason}',
    hint: 'cut the model after a layer through which all goes on; the layers are {layers}',
  },
  LEARN_RANDOM_LAYER: {
    message: "layer {layer} of class '{class}' draws random numbers that cannot come from the job's stream",
    hint: 'leave it out, or use a dropout layer without a seed',
  },
  LEARN_SETTING: {
    message: '{name} must be {expected}, but is {value}',
    hint: 'correct the setting of the learner',
  },
  LEARN_TENSORFLOW: {
    message:
      'the model needs TensorFlow.js ({reason}): npm install @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0',
    hint: 'install both where flame-fl is installed (with -g if flame-fl was), or make the model of layers that the engine knows',
  },
  LEARN_UNKNOWN_NAME: {
    message: "{place} knows nothing of the name '{name}'{meant}",
    hint: 'it knows {known}',
  },
  LEARN_WEIGHTS: {
    message: '{what} must have {expected} values, as the layout says, but has {came}',
    hint: 'use the weights and the model of the same job and the same settings',
  },
  LEARN_CLIENT: {
    message: 'client {client} does not exist: there are {clients}',
    hint: 'use an integer from 0 and below the number of clients',
  },
  LEARN_CLOSED: {
    message: 'the training pool is closed',
    hint: 'do not train or evaluate after closing the pool',
  },
  LEARN_WORKER_DIED: {
    message: 'the training worker of {request} ended before it answered ({reason})',
    hint: 'the worker is started again: repeat the request; if it ends again, look at the cause, or use fewer workers',
  },
} as const

export const learnError = errorFactory(learnErrors)
