import type { ActorRef, Behavior } from '../../runtime/index.ts'
import type { Schema } from '../../sdk/index.ts'
import type { JobSpecification } from '../catalogue/model/job.ts'
import type { TaskStatus } from '../catalogue/model/task.ts'
import type { TaskRecord } from '../catalogue/records/record-models.ts'
import type { JobEvent } from '../events/job-event.ts'

/** A job whose tasks are to run, as the catalogue has it. */
export interface DeployableJob {
  readonly id: string
  /** Names this run of the job: another after a change of the job, or a start after it completed. State is kept under it. */
  readonly run: string
  readonly user: string
  readonly spec: JobSpecification
  readonly designSerial: string
  readonly schema: Schema
  /** In the order of the expansion. */
  readonly tasks: readonly TaskRecord[]
}

/** To a deployment. It stops by itself once nothing of the job runs any more. */
export type DeploymentMessage = { readonly type: 'stop' } | { readonly type: 'apply'; readonly job: DeployableJob }

/** From a deployment to its job's actor. */
export type DeploymentReport =
  /** Each task has its place, and was told to start. */
  | { readonly type: 'placed' }
  | { readonly type: 'task-status'; readonly task: string; readonly status: TaskStatus }
  | { readonly type: 'event'; readonly event: JobEvent }
  /** Nothing of the job can run, or go on. */
  | { readonly type: 'deployment-failed'; readonly cause: unknown }

/**
 * Where a job's tasks run. A deployment is an actor, a child of its job's: what it starts ends when it's stopped. After a
 * crash of the server the same job is deployed again, on tasks that may be running still.
 */
export interface Deployer {
  deployment(job: DeployableJob, reports: ActorRef<DeploymentReport>): Behavior<DeploymentMessage>
}
