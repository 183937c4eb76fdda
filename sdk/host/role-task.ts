import type { ActorRef, DurableStore } from '../../runtime/index.ts'
import { fieldsOf, isNumbers, isString } from '../../runtime/index.ts'
import type { ChannelWiring } from '../role/channel/wiring.ts'
import type { AnyRole, LogEntry, LogFields, Notice, RoundRecord, Settings } from '../role/role.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import type { TrainingPool } from '../training/training-pool.ts'
import type { RendezvousMessage } from './rendezvous.ts'

/** A role as a host runs it: under its end's name, with its channels. */
export interface RoleTask {
  readonly end: string
  readonly role: AnyRole
  readonly channels: readonly ChannelWiring[]
  /** The client whose data the task trains on. Only data consumers have one. */
  readonly client?: number
  /** Names the models of this task where several tasks publish a model each round: the task's groups, or its end. */
  readonly part?: string
}

/** The parts of a job that the rounds of its tasks share. */
export interface RoundSurroundings {
  readonly job: string
  readonly seed: number
  readonly settings: Settings
  readonly pool: TrainingPool
  /** Some of the job's tasks run on other nodes, which can't receive a held delta. Default false. */
  readonly isSpread?: boolean
  readonly strategy: Algorithm
  readonly reports: ActorRef<TaskReport>
  /** Whether a training stops when its task is stopped. Default true. */
  readonly interruptible?: boolean
  /** Run each round twice and compare, which finds a role that isn't a function of its state and context. */
  readonly checkDeterminism: boolean
}

/** The parts that a job's tasks share. */
export interface JobSurroundings extends RoundSurroundings {
  readonly store: DurableStore
  /** Another process may still be running the same tasks: the store refuses its further writes. Default false. */
  readonly takenOver?: boolean
  readonly rendezvous: ActorRef<RendezvousMessage>
  /**
   * Publishes a round's model before the round is committed. Called again with the same content after a crash in
   * between.
   */
  readonly publish: (record: RoundRecord) => Promise<void>
  /** Announces a committed round to the job's followers. `publish` of the next round waits until they know. */
  readonly announce: (record: RoundRecord) => Promise<void>
  /** Draws the secret of a task: 32 bytes. Default: from the system. */
  readonly drawSecret?: () => Uint8Array
}

/** The reports of a role actor to the job. */
export type TaskReport =
  | { readonly type: 'task-running'; readonly end: string }
  | { readonly type: 'task-completed'; readonly end: string }
  | { readonly type: 'task-failed'; readonly end: string; readonly cause: unknown }
  /** Numbers of a committed round that published no record. */
  | { readonly type: 'metrics'; readonly end: string; readonly metrics: Readonly<Record<string, number>> }
  | { readonly type: 'log'; readonly end: string; readonly entry: LogEntry }
  | { readonly type: 'notice'; readonly end: string; readonly notice: Notice }

/** Decodes a report of another node. */
export function decodeTaskReport(value: unknown): TaskReport | undefined {
  const { type, end, ...fields } = fieldsOf(value)
  if (!isString(end)) return undefined
  switch (type) {
    case 'task-running':
    case 'task-completed':
      return { type, end }
    case 'task-failed':
      return { type, end, cause: fields.cause }
    case 'metrics':
      return isNumbers(fields.metrics) ? { type, end, metrics: fields.metrics } : undefined
    case 'log': {
      const { level, message, fields: given } = fieldsOf(fields.entry)
      if (level !== 'info' || !isString(message) || !isLogFields(given)) return undefined
      return { type, end, entry: { level, message, fields: given } }
    }
    case 'notice': {
      const { code, message } = fieldsOf(fields.notice)
      return isString(code) && isString(message) ? { type, end, notice: { code, message } } : undefined
    }
    default:
      return undefined
  }
}

function isLogFields(value: unknown): value is LogFields {
  return Object.values(fieldsOf(value)).every((field) => ['string', 'number', 'boolean'].includes(typeof field))
}
