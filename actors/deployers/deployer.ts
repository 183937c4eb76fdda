import type { ActorContext, ActorRef, Behavior } from '../../runtime/index.ts'
import type { Schema } from '../../sdk/index.ts'
import type { PlacedFault } from '../model/errors.ts'
import type { JobSpecification } from '../model/job.ts'
import type { EventCause, JobEvent } from '../model/job-event.ts'
import type { TaskStatus } from '../model/task.ts'
import type { BaseModelRecord, TaskRecord } from '../records/record-models.ts'

/** A job of the catalogue whose tasks are to run. */
export interface DeployableJob {
  readonly id: string
  /**
   * Name of this run, under which the roles' state is kept. A change of the job, or a start after its completion,
   * begins a new run.
   */
  readonly run: string
  /** Name of this start. Each request to start makes a new name; a deployment after a crash keeps the name. */
  readonly start: string
  /** True if the job was under way on another server, whose late writes must be refused. */
  readonly takenOver: boolean
  readonly user: string
  readonly spec: JobSpecification
  /** The model with which the job begins. Absent: it begins with its learner's own weights. */
  readonly baseModel?: BaseModelRecord
  readonly designSerial: string
  readonly schema: Schema
  /** In the order of the expansion. */
  readonly tasks: readonly TaskRecord[]
}

/** Messages to a deployment, which stops by itself once no task of the job runs any more. */
export type DeploymentMessage =
  /** The job was asked to stop, or has ended: the deployment stops the tasks that still run. */
  | { readonly type: 'stop' }
  /** Tells the tasks to apply the job's update; answered with `placed`. */
  | { readonly type: 'apply'; readonly job: DeployableJob }
  /** A flamelet's report of its task, after the job's actor has taken note of the report. */
  | { readonly type: 'task-reported'; readonly task: string; readonly status: TaskStatus }

/** Messages from a deployment to its job's actor. */
export type DeploymentReport =
  /** The first tasks were told to start, or to apply an update; other tasks may follow. */
  | { readonly type: 'placed' }
  /** Status of a task that no flamelet reports: a task in the server's own process, or without a flamelet. */
  | {
      readonly type: 'task-status'
      readonly task: string
      readonly status: TaskStatus
      /** Why the task failed. */
      readonly cause?: EventCause
    }
  /** `recorded` is told once the event is durable. */
  | { readonly type: 'event'; readonly event: JobEvent; readonly recorded?: ActorRef<null> }
  /** `stored` is told once all statuses that were told before are durable. */
  | { readonly type: 'store-statuses'; readonly stored: ActorRef<null> }
  /** No task of the job can run, or go on. The deployment stops. */
  | { readonly type: 'deployment-failed'; readonly cause: unknown }

/** The system's time as RFC 3339. */
export function wallClock(): string {
  return new Date().toISOString()
}

/** Longest time for recording an event, or statuses. */
const recordTimeoutMs = 60_000

/**
 * Reports an event, and resolves when the event is durable. Never rejects: where an event can't be recorded, the job's
 * actor fails, and handles the fault.
 */
export async function eventRecorded(
  context: Pick<ActorContext<never>, 'ask'>,
  reports: ActorRef<DeploymentReport>,
  event: JobEvent,
): Promise<void> {
  const recorded = context.ask<null, DeploymentReport>(
    reports,
    (replyTo) => ({ type: 'event', event, recorded: replyTo }),
    { timeoutMs: recordTimeoutMs },
  )
  await recorded.catch(() => {})
}

/**
 * Whether all statuses that a deployment has told are durable. False where they can't be stored: the job's actor fails then,
 * and handles the fault.
 */
export function statusesStored(
  context: Pick<ActorContext<never>, 'ask'>,
  reports: ActorRef<DeploymentReport>,
): Promise<boolean> {
  const stored = context.ask<null, DeploymentReport>(
    reports,
    (replyTo) => ({ type: 'store-statuses', stored: replyTo }),
    { timeoutMs: recordTimeoutMs },
  )
  return stored.then(
    () => true,
    () => false,
  )
}

/**
 * Port: runs a job's tasks. A deployment is a child of the job's actor; when the deployment is stopped, everything that
 * it started ends. After a crash of the server the same job is deployed again, while its tasks may still run.
 */
export interface Deployer {
  /** Jobs that the deployer runs at once; other jobs wait. Absent: any number. */
  readonly slots?: number
  /** Finds the faults of a job that the deployer can't run, for its creator. Absent: the deployer runs every valid job. */
  faultsOf?(spec: JobSpecification, schema: Schema): readonly PlacedFault[]
  deployment(job: DeployableJob, reports: ActorRef<DeploymentReport>): Behavior<DeploymentMessage>
}

/**
 * Makes a deployer of an actor that has messages of its own, one for each deployment. The name is that of the actor
 * below the deployment.
 */
export function deployerBy<Message>(
  name: string,
  actorOf: (job: DeployableJob, reports: ActorRef<DeploymentReport>) => Behavior<Message | DeploymentMessage>,
  { slots, faultsOf }: { readonly slots?: number | undefined; readonly faultsOf?: Deployer['faultsOf'] } = {},
): Deployer {
  return {
    ...(slots !== undefined && { slots }),
    ...(faultsOf && { faultsOf }),
    deployment: (job, reports) => deploymentBy(name, actorOf(job, reports)),
  }
}

/**
 * Makes a deployment of an actor with messages of its own: the deployment ends with that actor, and fails by its
 * faults.
 */
function deploymentBy<Message>(
  name: string,
  behavior: Behavior<Message | DeploymentMessage>,
): Behavior<DeploymentMessage> {
  return (context) => {
    const actor = context.spawn(name, behavior, { supervise: { type: 'escalate' } })
    let hasEnded = false
    context.watch(actor, () => {
      hasEnded = true
      return { type: 'stop' }
    })
    return (message) => (hasEnded ? context.stop() : actor.tell(message))
  }
}
