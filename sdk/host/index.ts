export { forgetAdoptions, storedAdoptions } from './adoptions.ts'
export { type BaseWeights, type HostedTasks, hostedTasks } from './hosted-tasks.ts'
export {
  decodeModelsMessage,
  jobModels,
  lastRounds,
  type ModelsMessage,
  type ModelsReply,
  modelsAt,
} from './job-models.ts'
export { askTaken, handOver, type KeptRole, type TakenReply, takeRole } from './kept-role.ts'
export type { OwnGenerations, OwnPlace } from './own-state.ts'
export { placesOf } from './places.ts'
export {
  type HostParts,
  type JobToHost,
  type PoolPlan,
  type PreparedJob,
  type PreparedTasks,
  prepareJob,
  prepareTasks,
} from './prepare-tasks.ts'
export { decodeRendezvousMessage, type RendezvousMessage, rendezvous } from './rendezvous.ts'
export { type Attachment, attachedRole, roleHost } from './role-host.ts'
export {
  decodeTaskReport,
  type JobSurroundings,
  type RoleTask,
  type RoundSurroundings,
  type TaskReport,
} from './role-task.ts'
export { type RoleTaskOptions, requireChannels, requireClients, roleTasksOf, taskChannels } from './role-tasks.ts'
export { forgetRole, isRoleKey, type RoundKeeper, roleKey } from './round-keeper.ts'
export { type PublishedRounds, type RoundPublisher, type RoundSummary, roundPublisher } from './round-publisher.ts'
export { runHost, runTasks, type TasksOutcome, type TasksRun, type TasksToRun } from './run-tasks.ts'
export { siteJobs } from './site-jobs.ts'
export {
  type CodeMessage,
  type CodeReply,
  decodeCodeMessage,
  decodeCodeReply,
  decodeJob,
  decodeSiteMessage,
  decodeSiteReply,
  type HostedJob,
  type HostedTask,
  type HostMessage,
  type OwnSiteMessage,
  type PrepareMessage,
  type SiteMessage,
  type SiteReply,
} from './site-protocol.ts'
export { type SiteCode, type SiteParts, type SiteWorkload, taskSite } from './task-site.ts'
export { type TaskEnd, type TaskTally, taskTally } from './task-tally.ts'
export { UnjournalledKeeper, type UnjournalledPlaces } from './unjournalled-keeper.ts'
export { validTopology } from './valid-topology.ts'
