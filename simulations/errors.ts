import { errorFactory } from '../runtime/index.ts'

export const simulationError = errorFactory({
  SIMULATION_WORKERS: {
    message: 'workload {name} is an object, but {workers} threads should train it: each thread has to load a module',
    hint: "give the module's folder, path or URL instead of the object, or set workers to 0",
  },
  SIMULATION_OPTION: {
    message: 'the option {name} is {came}: expected {expected}',
    hint: 'correct it, or leave it out for its default',
  },
  SIMULATION_HOSTS: {
    message: 'workload {name} is an object, but processes should host its tasks: each process has to load a module',
    hint: "give the module's folder, path or URL instead of the object, or leave hosts out",
  },
  SIMULATION_WORKLOAD: {
    message: 'the object is no workload: {faults}',
    hint: 'give workload({ name, settings, learner, data, topology, strategy }), or the path of its module',
  },
  SIMULATION_DIFFERS: {
    message: '{store} has a run of {name} that began with {setting} {began}, but {setting} is now {given}',
    hint: 'continue with the same settings, where only rounds may be larger; or name another folder',
  },
  SIMULATION_TOPOLOGY: {
    message: '{name} has the topology {topology}, which a fleet can not simulate: {reason}',
    hint: 'a fleet has a tree of aggregators with one at the top, as two-tier and hierarchical have; or use runJob',
  },
  SIMULATION_CLIENTS: {
    message: '{devices} devices were asked for, but {came}',
    hint: 'ask for no more devices than the data have clients; the setting clients of the workload is the number of devices',
  },
  SIMULATION_CHECKPOINT: {
    message: '{store} has something else than a checkpoint under the key of the fleet {name}',
    hint: 'name another folder; the run can not go on from there',
  },
  SIMULATION_NOBODY: {
    message: 'no device is available at {at} ms of virtual time, nor ever after',
    hint: 'see the availability of the behaviour, and the hours that its traces cover',
  },
  SIMULATION_NO_HISTORY: {
    message: 'there is nothing to plot: the history has no round with a metric',
    hint: 'give the history of a run that has committed a round',
  },
})
