export { checkIdentifier, identifier, models } from './atoms.ts'
export * from './audit-entry.ts'
export * from './compute.ts'
export * from './dataset.ts'
export { decodeModel, decodeWhole } from './decode-model.ts'
export * from './design.ts'
export { numberedEvent } from './event.ts'
export { words } from './found-faults.ts'
export {
  type AskedState,
  askedStatus,
  type JobSpecification,
  type JobStateName,
  type JobStatus,
  jobSpec,
  jobStates,
  jobStatus,
  mostTasks,
} from './job.ts'
export { editableStates, endedNames } from './job-states.ts'
export * from './notification.ts'
export { expectation } from './plain-words.ts'
export * from './quotas.ts'
export * from './task.ts'
export { type Broker, type ModelRegistrySetting, type TaskConfig, taskConfig } from './task-config.ts'
export { knownPart } from './unknown-fields.ts'
