import { errorFactory } from '../../runtime/index.ts'

const strategyErrors = {
  STRATEGY_SETTING: {
    message: '{of}: {name} is {came}, expected {expected}',
    hint: "correct {name} where the workload makes its strategy, or in the job's settings",
  },
  STRATEGY_SETTING_UNKNOWN: {
    message: '{of} has no setting {name}; it has {known}',
    hint: 'name one of these',
  },
  JOB_ALGORITHM_MISSING: {
    message: 'the {kind} {sort} is not among those that run here: {known}',
    hint: 'name one of these; or let agents run the job, with datasets on a compute or a server of flamectl up --no-in-process',
  },
  JOB_ALGORITHM_SETTING: { message: '{sort} needs a number {name} among its kwargs', hint: 'give it' },
} as const

export const strategyError = errorFactory(strategyErrors)
