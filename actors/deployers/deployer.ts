import type { ActorContext, ActorRef, Behavior } from '../../runtime/index.ts'
import type { Schema } from '../../sdk/index.ts'
import type { PlacedFault } from '../model/errors.ts'
import type { JobSpecification } from '../model/job.ts'
import type { EventCause, JobEvent } from '../model/job-event.ts'
import type { TaskStatus } from '../model/task.ts'
import type { TaskRecord } from '../records/record-models.ts'

/** A job whose tasks are to run, as the catalogue has it. */
export interface DeployableJob {
  readonly id: string
  /** Names this run of the job: another after a change of the job, or a start after it completed. State is kept under it. */
  readonly run: string
  /** Names this start of the job: another each time it was asked for, the same when it's deployed again after a crash. */
  readonly start: string
  /** It was under way on another server: what that one still does is to be fenced off. */
  readonly takenOver: boolean
  readonly user: string
  readonly spec: JobSpecification
  readonly designSerial: string
  readonly schema: Schema
  /** In the order of the expansion. */
  readonly tasks: readonly TaskRecord[]
}

/** To a deployment. It stops by itself once nothing of the job runs any more. */
export type DeploymentMessage =
  /** Nothing of the job is to run any more: it was asked to stop, or has ended. Whatever still runs is told so. */
  | { readonly type: 'stop' }
  /** Tells the tasks to take the job's update on; answered with `placed`. */
  | { readonly type: 'apply'; readonly job: DeployableJob }
  /** What a flamelet reported of its task, once the job has taken note of it. */
  | { readonly type: 'task-reported'; readonly task: string; readonly status: TaskStatus }

/** From a deployment to its job's actor. */
export type DeploymentReport =
  /** Tasks have their places, and were told to start; others may follow. */
  | { readonly type: 'placed' }
  /** Of tasks that no flamelet reports: those in the server's own process, and those whose flamelet can't be had. */
  | {
      readonly type: 'task-status'
      readonly task: string
      readonly status: TaskStatus
      /** Why it failed. */
      readonly cause?: EventCause
    }
  /** `recorded` is told once it's durable. */
  | { readonly type: 'event'; readonly event: JobEvent; readonly recorded?: ActorRef<null> }
  /** Nothing of the job can run, or go on. The deployment has given up what it had, and stops. */
  | { readonly type: 'deployment-failed'; readonly cause: unknown }

/** A deployment by an actor that tells itself more than it's told: the deployment ends with that actor, and by its faults. */
export function deploymentBy<Message>(
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

/** How long an event may take to be recorded. */
const recordTimeoutMs = 60_000

/**
 * Reports an event, and resolves when the event is durable. An event that can't be recorded is the fault of the job's actor,
 * which deals with the fault: so this never rejects.
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
 * Where a job's tasks run. A deployment is an actor, a child of its job's: what it starts ends when it's stopped. After a
 * crash of the server the same job is deployed again, on tasks that may be running still.
 */
export interface Deployer {
  /** How many jobs it can run at once; the others wait. Absent: any number. */
  readonly places?: number
  /** Faults of a job that this deployer can't run, for the person who creates it. Absent: it runs all that the interface names. */
  faultsOf?(spec: JobSpecification, schema: Schema): readonly PlacedFault[]
  deployment(job: DeployableJob, reports: ActorRef<DeploymentReport>): Behavior<DeploymentMessage>
}
