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
} as const

export const strategyError = errorFactory(strategyErrors)
