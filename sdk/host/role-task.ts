import type { ActorRef, DurableStore } from '../../runtime/index.ts'
import type { ChannelWiring } from '../role/channel/wiring.ts'
import { fieldsOf, isNumbers, isString } from '../role/guards.ts'
import type { AnyRole, LogEntry, LogFields, Notice, RoundRecord, Settings } from '../role/role.ts'
import type { Algorithm } from '../strategy/algorithm.ts'
import type { TrainingPool } from '../training/training-pool.ts'
import type { RendezvousMessage } from './rendezvous.ts'

/** What a host runs: a role, under its name, with its channels. */
export interface RoleTask {
  readonly end: string
  readonly role: AnyRole
  readonly channels: readonly ChannelWiring[]
  /** The client whose data it trains on; only data consumers. */
  readonly client?: number
  /** Names the models of this task where several tasks publish a model each round: its group, or its end. */
  readonly part?: string
}

/** What the tasks of a job share. */
export interface JobSurroundings {
  readonly job: string
  readonly seed: number
  readonly settings: Settings
  readonly store: DurableStore
  /** Another process may be running the same tasks still: what it would write of them is fenced off. Default false. */
  readonly takenOver?: boolean
  readonly pool: TrainingPool
  /** Some of the job's tasks lie on other nodes, to which a delta that stays where it was trained can't travel. Default false. */
  readonly isSpread?: boolean
  readonly strategy: Algorithm
  readonly rendezvous: ActorRef<RendezvousMessage>
  /** Publishes a round's model. Called before the round is committed, and again with the same content after a crash in between. */
  readonly publish: (record: RoundRecord) => Promise<void>
  /** Says that a round is committed. The next one isn't committed before this is known to whoever follows the job. */
  readonly announce: (record: RoundRecord) => Promise<void>
  readonly reports: ActorRef<TaskReport>
  /** Run each round twice and compare: catches a role that isn't a function of its state and context. */
  readonly checkDeterminism: boolean
}

/** What a role actor tells the job. */
export type TaskReport =
  | { readonly type: 'task-running'; readonly end: string }
  | { readonly type: 'task-completed'; readonly end: string }
  | { readonly type: 'task-failed'; readonly end: string; readonly cause: unknown }
  /** Numbers of a committed round that published no record. */
  | { readonly type: 'metrics'; readonly end: string; readonly metrics: Readonly<Record<string, number>> }
  | { readonly type: 'log'; readonly end: string; readonly entry: LogEntry }
  | { readonly type: 'notice'; readonly end: string; readonly notice: Notice }

/** Reads a report that another node sent. */
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
