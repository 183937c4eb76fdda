import { errorFactory } from '../runtime/index.ts'

export const simulationError = errorFactory({
  SIMULATION_WORKERS: {
    message:
      'workload {name} was given as an object, and {workers} threads are to train it: each thread loads a module',
    hint: "give the module's folder, path or URL instead of the object, or let workers be 0",
  },
  SIMULATION_OPTION: {
    message: 'the option {name} is {came}: expected {expected}',
    hint: 'correct it, or leave it out for its default',
  },
  SIMULATION_WORKLOAD: {
    message: 'the object given is no workload: {faults}',
    hint: 'give workload({ name, settings, learner, data, topology, strategy }), or the path of its module',
  },
  SIMULATION_DIFFERS: {
    message: '{store} holds a run of {name} that began with {setting} {began}, and now {given} is given',
    hint: 'give the same again to go on, with more rounds if there are to be more; or name another folder',
  },
  SIMULATION_NO_HISTORY: {
    message: 'there is nothing to plot: the history has no round with a metric',
    hint: 'give the history of a run that has committed a round',
  },
})
