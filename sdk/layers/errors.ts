import { errorFactory } from '../../runtime/index.ts'

/** Errors of models of TensorFlow.js and of parties, which a page does without until a workload has them. */
const layersErrors = {
  LEARN_NATIVE: {
    message: 'the native TensorFlow in {folder} does not load: {reason}',
    hint: 'remove the folder, and install or build the native TensorFlow again, or go without',
  },
  LEARN_TENSORFLOW: {
    message:
      'the model needs TensorFlow.js ({reason}): npm install @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0',
    hint: 'install both where flame-fl is installed (with -g if flame-fl was), or build the model from layers that the engine knows',
  },
  LEARN_OUTSIDE_MODEL: {
    message: '{what} was called outside the making of a model',
    hint: "call it only in the function that makes a learner's model",
  },
  LEARN_UNKNOWN_NAME: {
    message: "{place} does not know the name '{name}'{meant}",
    hint: 'the known names are {known}',
  },
  LEARN_RANDOM_LAYER: {
    message: "layer {layer} of class '{class}' draws random numbers that cannot come from the job's stream",
    hint: 'leave it out, or use a dropout layer without a seed',
  },
  LEARN_MODEL: {
    message: 'the model must be a layers model with inputs and outputs of known shape, but {came}',
    hint: 'return tf.sequential({ layers: [...] }) whose first layer has an inputShape, or tf.model({ inputs, outputs })',
  },
  LEARN_PARTIES: {
    message: 'the top model takes {came} values for an example, but the models of {parties} parties give {expected}',
    hint: "give the top model's first layer the inputShape [{expected}], and at least one party a model",
  },
} as const

export const layersError = errorFactory(layersErrors)
