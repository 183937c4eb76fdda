import type { CodeArchive, ReadArchive } from './catalogue/revisions.ts'
import type { TaskPackage } from './jobs/catalogue/task-package.ts'
import type {
  CodeRevision,
  ComputeRegistration,
  ComputeSpec,
  ComputeStatus,
  DatasetInfo,
  DeploymentConfig,
  DeploymentStatus,
  Design,
  DesignChange,
  DesignInfo,
  DesignSchema,
} from './model/catalogue.ts'
import type { JobSpecification, JobStatus } from './model/job.ts'
import type { TaskInfo } from './model/task.ts'
import type { UsageReport } from './model/usage-report.ts'
import type { Page, PageRequest } from './requests/page.ts'
import type { Asked, Request } from './requests/requests.ts'

/** A request about one user's things. */
interface Owned {
  readonly user: string
}
interface OfDesign extends Owned {
  readonly design: string
}
interface OfJob extends Owned {
  readonly job: string
}
interface OfCompute {
  readonly compute: string
  /** The key that the caller has shown; the catalogue checks the key. */
  readonly key: string | undefined
}

interface ByAdmin {
  /** Whether an administrator of the server asks, where callers are asked for a token. Default: false. */
  readonly byAdmin?: boolean
}

interface OfDeployment extends OfCompute {
  readonly job: string
}
/** A request of the task's flamelet. */
interface OfTask {
  readonly job: string
  readonly task: string
  /** The key that the caller has shown; the catalogue checks the key. */
  readonly key: string | undefined
}

/** Requests that only read. They are answered at once, from durable documents. */
interface Queries {
  /** Answers null if the store answers. */
  probe: Request<unknown, null>
  'list-designs': Request<Owned & { readonly page: PageRequest }, Page<DesignInfo>>
  'read-design': Request<OfDesign, Design>
  'read-schema': Request<OfDesign, DesignSchema>
  'read-code': Request<OfDesign, ReadArchive>
  'read-code-revision': Request<OfDesign, CodeRevision>
  'list-datasets': Request<Owned & { readonly page: PageRequest }, Page<DatasetInfo>>
  'list-public-datasets': Request<{ readonly page: PageRequest }, Page<DatasetInfo>>
  'read-dataset': Request<Owned & { readonly dataset: string }, DatasetInfo>
  'list-jobs': Request<Owned & { readonly page: PageRequest }, Page<JobStatus>>
  'read-job': Request<OfJob, JobSpecification>
  'read-job-status': Request<OfJob, JobStatus>
  'list-tasks': Request<OfJob & { readonly page: PageRequest }, Page<TaskInfo>>
  'read-task': Request<OfJob & { readonly task: string }, TaskInfo>
  'list-computes': Request<{ readonly adminId: string; readonly page: PageRequest }, Page<ComputeSpec>>
  'read-compute': Request<OfCompute, ComputeStatus>
  'read-compute-config': Request<OfCompute, ComputeSpec>
  'check-compute-key': Request<OfCompute, null>
  'list-compute-jobs': Request<OfCompute & { readonly page: PageRequest }, Page<JobStatus>>
  'list-deployments': Request<OfCompute & { readonly page: PageRequest }, Page<DeploymentStatus>>
  'read-deployment-config': Request<OfDeployment, DeploymentConfig>
  'read-deployment-status': Request<OfDeployment, DeploymentStatus>
  'check-task-key': Request<OfTask, null>
  'fetch-task': Request<OfTask, TaskPackage>
}

/**
 * Requests that change a user's things. They run one at a time for each user, and are answered when the change is
 * durable.
 */
interface UserCommands {
  'create-design': Request<Owned & { readonly info: DesignInfo }, null>
  'update-design': Request<OfDesign & { readonly info: DesignChange }, DesignInfo>
  'remove-design': Request<OfDesign & { readonly force: boolean }, string>
  'add-schema': Request<OfDesign & { readonly schema: DesignSchema }, null>
  'remove-schema': Request<OfDesign, null>
  'add-code': Request<OfDesign & { readonly archive: CodeArchive }, null>
  'remove-code': Request<OfDesign, null>
  'create-dataset': Request<Owned & { readonly info: DatasetInfo }, string>
  'update-dataset': Request<Owned & { readonly dataset: string; readonly info: DatasetInfo }, DatasetInfo>
  'remove-dataset': Request<Owned & { readonly dataset: string }, null>
  'create-job': Request<Owned & { readonly spec: JobSpecification }, JobStatus>
  'update-job': Request<OfJob & { readonly spec: JobSpecification }, null>
  'remove-job': Request<OfJob & { readonly keepModels?: boolean }, null>
  /** Changes nothing, but waits for the user's earlier commands, which change the usage. */
  'read-usage': Request<Owned, UsageReport>
}

/** Requests that change computes, which belong to no user. They run one at a time. */
interface ComputeCommands {
  'register-compute': Request<ByAdmin & { readonly registration: ComputeRegistration }, ComputeStatus>
  'update-compute': Request<OfCompute & ByAdmin & { readonly spec: ComputeSpec }, ComputeStatus>
  'remove-compute': Request<OfCompute, null>
  'report-deployment': Request<OfDeployment & { readonly status: DeploymentStatus }, null>
}

export interface CatalogueRequests extends Queries, UserCommands, ComputeCommands {}
export type CatalogueMessage = Asked<CatalogueRequests>
