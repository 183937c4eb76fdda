import { errorFactory } from '../../runtime/index.ts'

export const workloadErrors = {
  WORKLOAD_MISSING: {
    message: 'there is no workload at {path}: {expected}',
    hint: 'give a folder that holds workload.ts, workload.js or workload.mjs, or such a file itself',
  },
  WORKLOAD_BROKEN: {
    message: 'the workload module {file} cannot be loaded: {reason}',
    hint: 'correct the module',
  },
  WORKLOAD_SHAPE: {
    message: 'the default export of {file} is no workload: {faults}',
    hint: 'export default workload({ name, settings, learner, data, topology, strategy })',
  },
  WORKLOAD_SETTING: {
    message: "there is no setting '{name}'",
    hint: 'the workload has {known}',
  },
  WORKLOAD_VALUE: {
    message: "setting {name} must be {expected}, but is '{value}'",
    hint: 'the default is {default}',
  },
} as const

export const workloadError = errorFactory(workloadErrors)
