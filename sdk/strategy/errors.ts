import { errorFactory } from '../../runtime/index.ts'

const strategyErrors = {
  STRATEGY_SETTING: {
    message: '{of}: {name} is {came}, expected {expected}',
    hint: "correct {name} where the workload makes its strategy, or in the job's settings",
  },
  STRATEGY_SETTING_UNKNOWN: {
    message: '{of} has no setting {name}; it has {known}',
    hint: 'use one of these; give settings of the workload before the algorithm, or apart from it',
  },
  STRATEGY_UNKNOWN: { message: '{sort} is no {kind}; there are {known}', hint: 'use one of these' },
  STRATEGY_MISFIT: {
    message: '{reason}',
    hint: 'choose another selector, or another optimizer',
  },
  STRATEGY_TOPOLOGY: {
    message: '{reason}',
    hint: 'choose a topology on which it runs, such as {fitting}, or another algorithm',
  },
  STRATEGY_CLIENTS: {
    message: '{reason}',
    hint: 'let the job have more clients, raise fraction or quorum, or choose settings or an algorithm that need fewer updates',
  },
  STRATEGY_LEARNER: {
    message: 'the algorithm needs a learner with {needs}',
    hint: '{mend}; or choose another algorithm',
  },
  STRATEGY_GROUPS: {
    message: 'the selected clients have no examples of group {group} for the fairness {fair}',
    hint: 'select clients that have examples of both groups, for EOP and CAL of class 1',
  },
  STRATEGY_GROUP_VALUE: {
    message: 'column {column} of example {index} is {group}: expected 0 or 1',
    hint: 'give two groups, 0 and 1, in the columns of inMemoryExamples, or name another column',
  },
  STRATEGY_SYNTAX: {
    message: 'expected a name and settings, such as fedadam,eta=0.05, but got {given}',
    hint: 'separate settings by commas, each as name=value and once',
  },
  STRATEGY_STAGES: {
    message: 'expected stages and their settings, such as clip:1,top-k:0.01:errorFeedback=off, but got {given}',
    hint: 'separate stages by commas, and the settings of a stage by colons, each as name=value and once',
  },
  STRATEGY_KIND: { message: 'a job has no choice {kind}; the choices are {known}', hint: 'use one of these' },
  STRATEGY_CHOICE: {
    message: 'the {kind} is {given}: expected a sort and, where it needs any, kwargs',
    hint: "give { sort: 'fedadam', kwargs: { eta: 0.05 } }",
  },
} as const

export const strategyError = errorFactory(strategyErrors)
