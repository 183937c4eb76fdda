export { type JobActorOptions, jobActor } from './job/job-actor.ts'
export { createJob, type JobRecord, jobsOf, nextJobId } from './job/job-record.ts'
export { endedStates, type JobParts, type JobSpec, type JobState } from './job/job-spec.ts'
export type { JobEvent, JobMessage, RoundSummary } from './job/protocol.ts'
