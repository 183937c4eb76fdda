import { errorFactory } from '../../../runtime/index.ts'

/** Errors of split models, which the trainers of other topologies do without. */
const splitErrors = {
  ROLE_SPLIT_SETTING: {
    message: 'the setting {name} of a split model is {value}, expected {expected}',
    hint: 'set {name} in the settings of the workload or of the job',
  },
  ROLE_SPLIT_CUT: {
    message: '{who} of the split model has no weights',
    hint: 'cut the model elsewhere, by the settings cut and upperCut; its layers are {layers}',
  },
  ROLE_SPLIT_LEARNER: {
    message: 'the model cannot be split: {reason}',
    hint: '{mend}',
  },
  ROLE_SPLIT_SERVER_LEFT: {
    message: '{end} has nobody with the upper part of the model in round {round}: {server} has left',
    hint: 'see why {server} ended',
  },
  ROLE_SPLIT_DIVERGED: {
    message: 'the training of {end} diverged in batch {batch}: {what} is not finite',
    hint: 'use a smaller learningRate than {learningRate}, and check that the features are finite and scaled',
  },
  ROLE_SPLIT_MESSAGE: {
    message: '{type} of batch {batch} came from {end}, where batch {due} was due, or another kind of message',
    hint: 'run the same version, with the same settings, at all ends of the job',
  },
} as const

export const splitError = errorFactory(splitErrors)
