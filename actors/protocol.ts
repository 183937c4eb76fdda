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
import type { UsageReport } from './model/quotas.ts'
import type { TaskInfo } from './model/task.ts'
import type { Page, PageRequest } from './requests/page.ts'
import type { Asking } from './requests/requests.ts'

/** A thing of a user's. */
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
  /** As it was shown; it's checked here. */
  readonly key: string | undefined
}

/** Whether an administrator of the server asks, where callers are asked who they are. Default: no. */
interface ByAdmin {
  readonly byAdmin?: boolean
}

interface OfDeployment extends OfCompute {
  readonly job: string
}
/** For the task's agent. */
interface OfTask {
  readonly job: string
  readonly task: string
  /** As it was shown; it's checked here. */
  readonly key: string | undefined
}

/** What only reads: answered at once, from what is durable. */
export type CatalogueQuery =
  /** Answered if the store answers. */
  | ({ readonly type: 'probe' } & Asking<null>)
  | (Owned & { readonly type: 'list-designs'; readonly page: PageRequest } & Asking<Page<DesignInfo>>)
  | (OfDesign & { readonly type: 'read-design' } & Asking<Design>)
  | (OfDesign & { readonly type: 'read-schema' } & Asking<DesignSchema>)
  | (OfDesign & { readonly type: 'read-code' } & Asking<ReadArchive>)
  | (OfDesign & { readonly type: 'read-code-revision' } & Asking<CodeRevision>)
  | (Owned & { readonly type: 'list-datasets'; readonly page: PageRequest } & Asking<Page<DatasetInfo>>)
  | ({ readonly type: 'list-public-datasets'; readonly page: PageRequest } & Asking<Page<DatasetInfo>>)
  | (Owned & { readonly type: 'read-dataset'; readonly dataset: string } & Asking<DatasetInfo>)
  | (Owned & { readonly type: 'list-jobs'; readonly page: PageRequest } & Asking<Page<JobStatus>>)
  | (OfJob & { readonly type: 'read-job' } & Asking<JobSpecification>)
  | (OfJob & { readonly type: 'read-job-status' } & Asking<JobStatus>)
  | (OfJob & { readonly type: 'list-tasks'; readonly page: PageRequest } & Asking<Page<TaskInfo>>)
  | (OfJob & { readonly type: 'read-task'; readonly task: string } & Asking<TaskInfo>)
  | ({ readonly type: 'list-computes'; readonly adminId: string; readonly page: PageRequest } & Asking<
      Page<ComputeSpec>
    >)
  | (OfCompute & { readonly type: 'read-compute' } & Asking<ComputeStatus>)
  | (OfCompute & { readonly type: 'read-compute-config' } & Asking<ComputeSpec>)
  | (OfCompute & { readonly type: 'check-compute-key' } & Asking<null>)
  | (OfCompute & { readonly type: 'list-compute-jobs'; readonly page: PageRequest } & Asking<Page<JobStatus>>)
  | (OfCompute & { readonly type: 'list-deployments'; readonly page: PageRequest } & Asking<Page<DeploymentStatus>>)
  | (OfDeployment & { readonly type: 'read-deployment-config' } & Asking<DeploymentConfig>)
  | (OfDeployment & { readonly type: 'read-deployment-status' } & Asking<DeploymentStatus>)
  | (OfTask & { readonly type: 'check-task-key' } & Asking<null>)
  | (OfTask & { readonly type: 'fetch-task' } & Asking<TaskPackage>)

/** What changes a user's things: one at a time for each user, answered when it's durable. */
export type UserCommand =
  | (Owned & { readonly type: 'create-design'; readonly info: DesignInfo } & Asking<null>)
  | (OfDesign & { readonly type: 'update-design'; readonly info: DesignChange } & Asking<DesignInfo>)
  | (OfDesign & { readonly type: 'remove-design'; readonly force: boolean } & Asking<string>)
  | (OfDesign & { readonly type: 'add-schema'; readonly schema: DesignSchema } & Asking<null>)
  | (OfDesign & { readonly type: 'remove-schema' } & Asking<null>)
  | (OfDesign & { readonly type: 'add-code'; readonly archive: CodeArchive } & Asking<null>)
  | (OfDesign & { readonly type: 'remove-code' } & Asking<null>)
  | (Owned & { readonly type: 'create-dataset'; readonly info: DatasetInfo } & Asking<string>)
  | (Owned & {
      readonly type: 'update-dataset'
      readonly dataset: string
      readonly info: DatasetInfo
    } & Asking<DatasetInfo>)
  | (Owned & { readonly type: 'remove-dataset'; readonly dataset: string } & Asking<null>)
  | (Owned & { readonly type: 'create-job'; readonly spec: JobSpecification } & Asking<JobStatus>)
  | (OfJob & { readonly type: 'update-job'; readonly spec: JobSpecification } & Asking<null>)
  | (OfJob & { readonly type: 'remove-job' } & Asking<null>)
  /** It changes nothing; who changes knows it. */
  | (Owned & { readonly type: 'read-usage' } & Asking<UsageReport>)

/** What changes computes, which are no user's. */
export type ComputeCommand =
  | (ByAdmin & {
      readonly type: 'register-compute'
      readonly registration: ComputeRegistration
    } & Asking<ComputeStatus>)
  | (OfCompute & ByAdmin & { readonly type: 'update-compute'; readonly spec: ComputeSpec } & Asking<ComputeStatus>)
  | (OfCompute & { readonly type: 'remove-compute' } & Asking<null>)
  | (OfDeployment & { readonly type: 'report-deployment'; readonly status: DeploymentStatus } & Asking<null>)

export type CatalogueMessage = CatalogueQuery | UserCommand | ComputeCommand
