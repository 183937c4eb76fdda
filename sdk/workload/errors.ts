import { errorFactory } from '../../runtime/index.ts'

export const workloadErrors = {
  WORKLOAD_MISSING: {
    message: 'there is no workload at {path}: {expected}',
    hint: 'give a folder with a file workload.ts, .mts, .cts, .js, .mjs or .cjs, or the file of a workload',
  },
  WORKLOAD_BROKEN: {
    message: 'the workload module {file} cannot be loaded: {reason}',
    hint: 'correct the module',
  },
  WORKLOAD_PACKAGE: {
    message: 'the package {name}, which {file} imports, is not installed',
    hint: 'npm install {name} in {folder}, or in a folder above it',
  },
  WORKLOAD_PART: {
    message: '{specifier}, which {file} imports, is not exported by its package',
    hint: 'import a path that the package exports',
  },
  WORKLOAD_BUNDLER: {
    message: 'esbuild, which loads workloads, does not run: {reason}',
    hint: 'install flame-fl again, on this machine and with optional dependencies',
  },
  WORKLOAD_SHAPE: {
    message: 'the default export of {file} is no workload: {faults}',
    hint: 'export default workload({ name, settings, learner, data, topology, strategy })',
  },
  WORKLOAD_NOT_REPRODUCIBLE: {
    message: 'the workload is not reproducible from the same settings and seed: {difference}',
    hint: 'draw only from the given streams, and use neither Math.random nor the time, since every process and thread makes its own parts of the workload',
  },
  WORKLOAD_SAMPLES: {
    message: "the data's samples({client}) is {came}, but the client has {expected} examples",
    hint: 'return the number of examples that client({client}) gives, or leave samples out',
  },
  JOB_SEED: {
    message: 'the hyperparameter seed is {seed}: expected a whole number from 0 to 4294967295',
    hint: 'give a whole number in that range, or leave the seed out',
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
