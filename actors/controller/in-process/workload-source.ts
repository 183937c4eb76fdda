import type { LoadedWorkload } from '../../../sdk/node/index.ts'
import type { DeployableJob } from '../deployer.ts'

/** Where a job's learner, data and strategy come from. */
export interface WorkloadSource {
  /** Rejects with a coded error if the job has none, or it can't be loaded. */
  load(job: DeployableJob): Promise<LoadedWorkload>
}
