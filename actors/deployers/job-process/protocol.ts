import { z } from 'zod'
import { decodePackedError, type PackedError } from '../../../runtime/index.ts'
import type { KeptRounds } from '../../../sdk/index.ts'
import { jobCause } from '../../model/job.ts'
import { jobEvent } from '../../model/job-event.ts'
import { taskStatus } from '../../model/task.ts'
import type { DeployableJob, DeploymentMessage } from '../deployer.ts'
import { controllerError } from '../errors.ts'

/** All that a job's process is told of its job. */
export interface HostedJob {
  readonly job: DeployableJob
  /** The workload's file and its bundle, as URLs. */
  readonly module: string
  readonly bundle: string
  /** Folder of the models. */
  readonly models: string
  /** Default: all rounds. */
  readonly keep?: KeptRounds | undefined
  /** As `SpoolParts.mostModels`, where the folder is a spool. */
  readonly mostModels?: number | undefined
  readonly workers: number
}

/** Messages from the server to a job's process. */
export type ToProcess =
  | ({ readonly type: 'host' } & HostedJob)
  | { readonly type: 'deployment'; readonly message: DeploymentMessage }
  | { readonly type: 'answer'; readonly call: number; readonly value?: unknown; readonly error?: PackedError }

const text = z.string()
const key = z.string().max(500)
export const storedBytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)
const whole = z.number().int().nonnegative()

const packedError = z.unknown().transform((value, context) => {
  const error = decodePackedError(value)
  if (error) return error
  context.addIssue({ code: 'custom', message: 'no error' })
  return z.NEVER
})

const layout = z.object({
  tensors: z.array(z.object({ name: text, shape: z.array(whole).readonly() })).readonly(),
  size: whole,
})

/** A call of the store, on the state of the job's roles. */
export const storeCall = z.discriminatedUnion('method', [
  z.object({ method: z.literal('load'), key }),
  z.object({ method: z.literal('save'), key, version: whole, bytes: storedBytes }),
  z.object({ method: z.literal('append'), key, bytes: storedBytes, expected: whole.exactOptional() }),
  z.object({ method: z.literal('read'), key, from: whole.exactOptional() }),
  z.object({ method: z.literal('truncate'), key, upTo: whole }),
  z.object({ method: z.literal('remove'), key }),
])
export type StoreCall = z.output<typeof storeCall>

/**
 * Messages from a job's process to the server. The job's code runs in that process and can send anything, so each
 * message is decoded before use.
 */
const fromProcess = z.discriminatedUnion('type', [
  z.object({ type: z.literal('store'), call: whole, store: storeCall }),
  z.object({ type: z.literal('placed') }),
  z.object({ type: z.literal('task-status'), task: text, status: taskStatus, cause: jobCause.exactOptional() }),
  /** With `call`, the server answers once the event is durable. */
  z.object({ type: z.literal('event'), event: jobEvent, call: whole.exactOptional() }),
  /** The server answers once all statuses that were told before are durable. */
  z.object({ type: z.literal('store-statuses'), call: whole }),
  /** Asks for the weights of the job's base model in this layout. */
  z.object({ type: z.literal('base-weights'), call: whole, layout }),
  /** Asks whether a job that hasn't ended begins with this round of the process's job. */
  z.object({ type: z.literal('is-needed'), call: whole, round: whole, part: text.exactOptional() }),
  z.object({ type: z.literal('deployment-failed'), cause: packedError }),
  /** No task of the job runs in the process any more. */
  z.object({ type: z.literal('ended'), cause: packedError.exactOptional() }),
])
export type FromProcess = z.output<typeof fromProcess>

/** Decodes a message of a job's process. JOB_PROCESS_MESSAGE if the value is no such message. */
export function decodedFromProcess(value: unknown): FromProcess {
  let cause: unknown
  try {
    const decoded = fromProcess.safeParse(value)
    if (decoded.success) return decoded.data
    cause = decoded.error
  } catch (thrown) {
    // zod compares the field `length` of any value where it expects a text, which may throw.
    cause = thrown
  }
  const found = cause instanceof z.ZodError ? z.prettifyError(cause).slice(0, 500) : cause
  throw controllerError('JOB_PROCESS_MESSAGE', { found }, { cause })
}
