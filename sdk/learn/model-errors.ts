import { errorFactory } from '../../runtime/index.ts'

/** Errors of models, losses and trainings, which a page does without until a workload has a model. */
const modelErrors = {
  LEARN_ENGINE_LAYER: {
    message: '{what} was called where no model for the engine is made: only the engine has this layer',
    hint: "call it in the function that makes a learner's model, and build the model from layers that the engine knows",
  },
  LEARN_ENGINE_MODEL: {
    message: 'the engine cannot run this model: {reason}',
    hint: "let TensorFlow.js run it, with engine: 'tensorflow' or 'auto'",
  },
  LEARN_EXAMPLE_CLIP: {
    message: 'exampleClip takes one example at a time, but layer {layer} normalizes over a whole batch',
    hint: 'normalize with groupNormalization instead, or leave the batch normalization out',
  },
  LEARN_INITIALIZER: {
    message: "tensor {tensor} has the initializer '{initializer}', whose values cannot be drawn from the job's stream",
    hint: '{meant}use zeros, ones, constant, identity (square), orthogonal (a matrix), or a uniform, normal, truncated normal, Glorot, He or LeCun initializer; a custom layer names it in getConfig, as <name of the weight>Initializer',
  },
  LEARN_LAST_ACTIVATION: {
    message: 'the model ends with the {activation} of layer {layer}, which does not fit {loss}: {reason}',
    hint: '{instead}',
  },
  LEARN_LAYER_NAME: {
    message: "the name '{name}' {fault}, so that TensorFlow.js could not load the model",
    hint: "give each layer a different name, of letters, digits, '.', '_', '-' and '/', beginning with a letter or a digit; or no name, to have the layer numbered",
  },
  LEARN_OVERFLOW: {
    message: 'training diverged: after its last step, of batch {batch} in epoch {epoch}, weights are not finite',
    hint: "use a smaller learningRate than {learningRate}, and check that the round's weights and terms are finite",
  },
  LEARN_OWN_LOSS: {
    message: 'the loss {loss} {came}',
    hint: 'give one value for each example, as a table of one column, and name the columns and the layer that the loss reads',
  },
  LEARN_PART: {
    message: 'the model has no part {part}: {reason}',
    hint: 'cut the model after a layer through which all values pass; the layers are {layers}',
  },
} as const

export const modelError = errorFactory(modelErrors)
