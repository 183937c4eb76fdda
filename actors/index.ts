export { type CountedRefusal, refusalTally } from './audit/refusal-tally.ts'
export { archiveLimitsOf, defaultArchiveBytes } from './catalogue/archive.ts'
export type { ReadArchive } from './catalogue/revisions.ts'
export { catalogue } from './catalogue.ts'
export type { CatalogueMessage } from './catalogue-requests.ts'
export { type ControlPlaneMessage, type ControlPlaneParts, controlPlane } from './control-plane.ts'
export type { DeployableJob, Deployer, DeploymentMessage, DeploymentReport } from './deployers/deployer.ts'
export { placementError } from './deployers/errors.ts'
export { type ArchivedWorkloadsParts, archivedWorkloads } from './deployers/in-process/archived-workloads.ts'
export { type InProcessParts, inProcessDeployer } from './deployers/in-process/in-process-deployer.ts'
export type { WorkloadSource } from './deployers/in-process/workload-source.ts'
export { type JobProcessParts, jobProcessDeployer } from './deployers/job-process/job-process-deployer.ts'
export { type LocalEnd, type LocalLife, localLives } from './deployers/sites/local/local-lives.ts'
export { type LocalSites, type LocalSitesOptions, localSites } from './deployers/sites/local/local-sites.ts'
export {
  type DialledAt,
  dialOf,
  type LocalTransport,
  type OpenedTransport,
  openTransport,
} from './deployers/sites/local/local-transport.ts'
export { isTopmost, type PlacedTask } from './deployers/sites/site-choice.ts'
export { type SitesParts, sitesDeployer } from './deployers/sites/sites-deployer.ts'
export type { SpreadMessage, TasksToSpread } from './deployers/sites/spread-parts.ts'
export { spreadTasks } from './deployers/sites/spread-tasks.ts'
export type { DeploymentObserver } from './deployers/tasks-deployment.ts'
export type { EventsMessage } from './events/events.ts'
export { type EventsParts, events } from './events/events.ts'
export type { FlameletIdentity } from './flamelets/flamelets-messages.ts'
export * from './flamelets/index.ts'
export type { RemoteSite, SiteNews, Sites } from './flamelets/sites.ts'
export type { Begun, OnceOutcome } from './idempotency/idempotency.ts'
export type { TaskPackage } from './jobs/catalogue/task-package.ts'
export type { ControllerMessage } from './jobs/controller.ts'
export { type ControllerParts, controller } from './jobs/controller.ts'
export { type CatalogueErrorCode, isRefusal, type PlacedFault } from './model/errors.ts'
export * from './model/index.ts'
export type { EventCause, JobEvent, NumberedEvent } from './model/job-event.ts'
export { type BaseModelsParts, baseModels, isModelNeeded } from './models/base-models.ts'
export { jobOfRun, runOfJob } from './models/models.ts'
export { jobIdOf } from './models/run-models.ts'
export { type NotifierMessage, notifier } from './notifier/notifier.ts'
export type { Recipient } from './notifier/recipients.ts'
export { newIdAt, newTaskKey } from './records/keys.ts'
export type {
  ArchiveLimits,
  BaseModels,
  CatalogueParts,
  ModelUploads,
  RunOfJob,
  WorkerSettings,
} from './records/parts.ts'
export { tagOfJson } from './requests/conditions.ts'
export { type Page, type PageRequest, pageMaximum } from './requests/page.ts'
export {
  type Ask,
  asking,
  inContext,
  isFailure,
  type Reply,
  type RequestContext,
} from './requests/requests.ts'
