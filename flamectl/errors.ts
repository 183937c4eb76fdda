import { errorFactory } from '../runtime/index.ts'

const flamectlErrors = {
  RUN_SETTING_SYNTAX: {
    message: '--set expects name=value,name=value, and got {given}',
    hint: 'write for example --set rounds=10,fraction=0.2',
  },
  RUN_OPTION: { message: '{option} expects {expected}, and got {given}', hint: 'see flamectl run --help' },
  RUN_RESUME_DIFFERS: {
    message: 'job {job} began with {name} {began}, and this command says {given}',
    hint: 'resume with what it began with, or begin a new job without --resume',
  },
  RUN_FAILED: { message: 'job {job} failed: {cause}', hint: 'mend the cause, then run the same command with --resume' },
  UNEXPECTED: {
    message: '{error}',
    hint: "a fault in the workload's code, or in flamectl's: it arose here",
  },
} as const

export const flamectlError = errorFactory(flamectlErrors)

/** Codes of mistakes in how the command was called: exit status 2. */
export const usageCodes: readonly string[] = [
  'RUN_SETTING_SYNTAX',
  'RUN_OPTION',
  'RUN_RESUME_DIFFERS',
  'WORKLOAD_SETTING',
  'WORKLOAD_VALUE',
  'STRATEGY_SETTING',
  'DATA_SCHEME',
  'STORE_URL',
]

/** Codes of faults in code that the user brought: where in it the cause arose is shown. */
export const causeCodes: readonly string[] = ['WORKLOAD_BROKEN', 'JOB_ROLE_FAILED', 'RUN_FAILED', 'UNEXPECTED']
