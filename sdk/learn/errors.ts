import { errorFactory } from '../../runtime/index.ts'

const learnErrors = {
  LEARN_ABILITY: {
    message: '{what} needs the ability {ability}, which the learner lacks',
    hint: 'use layersLearner, which has all abilities; or implement the ability in your own learner, and list it in its abilities',
  },
  LEARN_DIVERGED: {
    message: 'training diverged: the loss of batch {batch} in epoch {epoch} is {loss}',
    hint: "use a smaller learningRate than {learningRate}, and check that the features and the round's weights are finite and scaled",
  },
  LEARN_EMBEDDING: {
    message:
      'layer {layer} takes whole numbers from 0 and below {rows}, but input {position} of example {index} is another',
    hint: 'give the embedding one row (inputDim) for each number, and use whole numbers in the data',
  },
  LEARN_EMPTY: {
    message: 'there are no examples to {purpose} on',
    hint: 'give every client, and the test set, at least one example',
  },
  LEARN_EMULATED: {
    message: 'the job asks for arithmetic={arithmetic}, but this platform has no fused multiply-add',
    hint: 'use another platform; or arithmetic=fused, which is emulated to the same bits, at a tenth of the speed or less',
  },
  LEARN_EVALUATION: {
    message: 'the evaluation of {examples} test examples counts {samples}: expected a whole number from 1',
    hint: 'return { samples, metrics }, where samples is the number of examples in the means',
  },
  LEARN_EXAMPLE: {
    message: '{what} {index} has {value} {place}: expected finite numbers',
    hint: 'leave out examples with missing values, or fill in the values, before the job uses the data',
  },
  LEARN_COLUMN: {
    message: 'the examples have no column {name}: they have {known}',
    hint: 'add the column to the examples, in the columns of inMemoryExamples',
  },
  LEARN_FUSED: {
    message: 'the job asks for arithmetic={arithmetic}, which this learner has not: it runs on {runsOn}',
    hint: 'leave arithmetic out, or use a model that the engine trains, as flamectl check says',
  },
  LEARN_HELD_OUT: {
    message: 'client {client} has {count} held-out examples to evaluate on',
    hint: "set heldOut in the workload's data to a fraction of each client's examples that gives at least one",
  },
  LEARN_IDS: {
    message: 'the examples of client {client} have no ids by which to find the same entity at other parties',
    hint: 'give inMemoryExamples the ids of its examples',
  },
  LEARN_LABELS: {
    message: "the data don't say which label dominates a client's examples",
    hint: 'give the data a function label(client), or give the examples to clients by spread',
  },
  LEARN_ROOT: {
    message: 'the data have no root set for the server to train on',
    hint: "give root, a few trusted examples, in the workload's data",
  },
  LEARN_INPUT: {
    message: 'the model takes an input of shape [{expected}], but an example has [{came}]',
    hint: "give the model's first layer the shape of one example, without the batch",
  },
  LEARN_LABEL: {
    message: 'example {index} has label {label}, but the model has {outputs} outputs',
    hint: 'labels are classes from 0; give the last layer one unit per class, or check the data',
  },
  LEARN_METRIC: {
    message: 'metric {name} of {what} is {value}: expected a number',
    hint: 'return metrics as numbers, each a mean over the examples, and leave out a metric without a value',
  },
  LEARN_OUTPUTS: {
    message:
      '{loss} takes {expected} for each example, since the model has outputs of shape [{outputs}], but the examples have {came}',
    hint: "end the model with as many units as a target has numbers, or give the examples targets; for one of several classes use 'softmaxCrossEntropy'",
  },
  LEARN_SETTING: {
    message: '{name} must be {expected}, but is {value}',
    hint: 'correct the setting of the learner',
  },
  LEARN_STEPWISE: {
    message:
      "the learner has clipNorm {clipNorm}, which needs the norm of the gradient over the whole model, but each end sees its own part's gradient alone",
    hint: 'leave clipNorm out, or bound each value with clipValue instead',
  },
  LEARN_WEIGHTS: {
    message: '{what} must have {expected} values, as the layout says, but has {came}',
    hint: 'use the weights and the model of the same job and the same settings',
  },
  LEARN_CLIENT: {
    message: 'client {client} does not exist: the number of clients is {clients}',
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
