export type * from './fleet/behaviour.ts'
export type * from './fleet/fleet-run.ts'
export { type PlotOptions, plot } from './plot.ts'
export { type JobResult, type JobRound, type JobRun, type RunJobOptions, runJob } from './run-job.ts'
