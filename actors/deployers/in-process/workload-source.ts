import type { LoadedWorkload } from '../../../sdk/node/index.ts'
import type { DeployableJob } from '../deployer.ts'

/** A job's workload. */
export interface JobWorkload extends LoadedWorkload {
  /** The number of the client that a task trains on. Default: the tasks' order. */
  readonly clientOf?: (end: string) => number | undefined
}

/** Where a job's learner, data and strategy come from. */
export interface WorkloadSource {
  /** Rejects with a coded error if the job has none, or it can't be loaded. */
  load(job: DeployableJob): Promise<JobWorkload>
}
