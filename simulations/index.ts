export {
  type AggregatorFigures,
  type AggregatorResource,
  type BusyResource,
  type Saturation,
  saturatesFirst,
} from './fleet/aggregators/aggregator-load.ts'
export type * from './fleet/aggregators/capacity.ts'
export {
  type AggregatorPartName,
  type AggregatorTexts,
  aggregatorPartNames,
  aggregatorsFrom,
} from './fleet/aggregators/capacity-texts.ts'
export { type BehaviourOptions, type BehaviourTexts, behaviourFrom } from './fleet/behaviour/behaviour-from.ts'
export { clientsOfDevices, type LabelOf, labelOrder } from './fleet/behaviour/correlation.ts'
export { constant, instant, logNormal, tiers } from './fleet/behaviour/device-numbers.ts'
export { type DiurnalAvailability, diurnal } from './fleet/behaviour/diurnal.ts'
export { type DeviceDraws, deviceDraws } from './fleet/behaviour/draws.ts'
export { convertFedScale, type FedScaleFiles } from './fleet/behaviour/fed-scale.ts'
export { type AvailabilityChange, always, churn, skew } from './fleet/behaviour/lives.ts'
export { type BehaviourModel, defineModel, type ModelContext, type ModelDefinition } from './fleet/behaviour/model.ts'
export {
  type BehaviourPart,
  type BehaviourPartName,
  behaviourPartNames,
  behaviourParts,
} from './fleet/behaviour/models.ts'
export { onOff } from './fleet/behaviour/on-off.ts'
export { type DeviceTrace, type TraceIntervals, traceOf } from './fleet/behaviour/trace.ts'
export { tracedAvailability, tracedNumbers } from './fleet/behaviour/traced.ts'
export { allFaults, dropout, jitter, lostLink } from './fleet/behaviour/work-faults.ts'
export type * from './fleet/behaviour.ts'
export {
  columnsOf,
  type FiguresOptions,
  type FleetColumns,
  type FleetFigures,
  figuresOf,
  type Spread,
  spreadOf,
} from './fleet/columns.ts'
export type * from './fleet/fleet-run.ts'
export { simulate } from './fleet/simulate.ts'
export { type LabelledRun, type PlotAxis, type PlotOptions, type PlotRound, plot } from './plot.ts'
export { type JobResult, type JobRound, type JobRun, type RunJobOptions, runJob } from './run-job.ts'
