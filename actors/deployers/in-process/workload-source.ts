import type { LoadedWorkload } from '../../../sdk/node/index.ts'
import type { DeployableJob } from '../deployer.ts'

/** A job's workload. */
export interface JobWorkload extends LoadedWorkload {
  /** The number of the client that a task trains on. Default: the order of the tasks. */
  readonly clientOf?: (end: string) => number | undefined
}

/** Port: loads the workloads of jobs. */
export interface WorkloadSource {
  /** Rejects with a coded error if the job has no workload, or the workload can't be loaded. */
  load(job: DeployableJob): Promise<JobWorkload>
}
