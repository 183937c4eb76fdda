import type { ActorRef, Store, Terminated } from '../../../runtime/index.ts'
import type { DeployableJob, Deployer, DeploymentReport } from '../../deployers/deployer.ts'
import type { EventsMessage } from '../../events/events.ts'
import type { TaskStatus } from '../../model/task.ts'
import type { Collections } from '../../records/collections.ts'
import type { TaskRecord } from '../../records/record-models.ts'
import type { Places } from '../places.ts'

/** What a job's actor is told. */
export type JobMessage =
  | DeploymentReport
  | { readonly type: 'place-given' }
  /** Others have changed the job's document or its tasks. */
  | { readonly type: 'look' }
  /** An agent's report is stored. */
  | { readonly type: 'task-reported'; readonly task: TaskRecord; readonly status: TaskStatus }
  | { readonly type: 'consider' }
  | { readonly type: 'time-over' }
  | { readonly type: 'deployment-ended'; readonly terminated: Terminated }

/** What job actors have of their server. */
export interface JobParts {
  readonly store: Store
  readonly collections: Collections
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  readonly places: Places
  readonly deployerOf: (job: DeployableJob) => Deployer
  readonly events: ActorRef<EventsMessage>
}

export interface HeldLease {
  readonly job: string
  readonly fence: number
  /** Another server, which may still live, had the job before. */
  readonly takenOver: boolean
  /** The job's actor failed with this again and again: the job is to fail with it. */
  readonly fault?: { readonly cause: unknown }
}
