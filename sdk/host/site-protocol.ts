import {
  type ActorRef,
  fieldsOf,
  isActorRef,
  isCount,
  isInteger,
  isMissingOr,
  isObject,
  isRecordOf,
  isString,
  isStrings,
  listOf,
} from '../../runtime/index.ts'
import type { Choice, Choices } from '../strategy/chosen-algorithm.ts'
import { kinds } from '../strategy/kinds.ts'
import type { Task } from '../tag/expand.ts'
import type { Schema, SchemaChannel, SchemaRole } from '../tag/schema.ts'
import type { ModelsMessage } from './job-models.ts'
import { decodeKeptRole, type KeptRole, type TakenReply } from './kept-role.ts'
import type { RendezvousMessage } from './rendezvous.ts'
import type { TaskReport } from './role-task.ts'

/** The facts of a task that its host and the hosts of the other tasks need. Secrets of tasks aren't among them. */
export interface HostedTask extends Pick<Task, 'end' | 'role' | 'groupAssociation' | 'dataset'> {
  /** The dataset's URL in the catalogue, for the site of the task alone. */
  readonly datasetUrl?: string
}

/** Facts of all tasks of a job, for a site that knows some of the tasks. */
export interface WholeJob {
  /** Number of the job's tasks. */
  readonly tasks: number
  /** Number of the job's tasks with data. */
  readonly clients: number
  /** Number of trainers in the smallest group from which a topmost aggregator selects. */
  readonly fewestTrainers: number
  /** By end, of the site's tasks: the name of the models that the task makes, where several tasks make models. */
  readonly parts: Readonly<Record<string, string>>
}

/** A job as the sites of its tasks know it: plain data. */
export interface HostedJob {
  readonly id: string
  /** Names the state of the job's tasks in the store of each site. */
  readonly run: string
  /** Counts the deployments of the run. A site that knows a later one refuses an earlier one. */
  readonly start: number
  /** Another process may still be running the same tasks on the same stores, which refuse its further writes. */
  readonly takenOver?: boolean
  /** The name of the workload, if the deployer knows it. */
  readonly workload?: string
  readonly schema: Schema
  /** The site's tasks, and all tasks with which they share a group of a channel, in the order of the expansion. */
  readonly tasks: readonly HostedTask[]
  /** Absent if `tasks` are all tasks of the job. */
  readonly whole?: WholeJob
  /** By end: the number of the client on whose data the task trains. Default: as `RoleTaskOptions.clientOf` says. */
  readonly clients?: Readonly<Record<string, number>>
  /** Values that override the workload's settings, and the seed. */
  readonly hyperparameters?: Readonly<Record<string, unknown>>
  /** Choices that replace the workload's algorithm and parts of it. */
  readonly algorithms?: Omit<Choices, 'hyperparameters'>
  /** SHA-256 of the archive with the job's code, in hexadecimal. */
  readonly codeHash?: string
  /** The job begins with a model that the actor of its models gives. */
  readonly hasBaseModel?: boolean
}

/** Messages to a site: a server, a process, a device or a page that hosts tasks of jobs. */
export type SiteMessage =
  | HostMessage
  /**
   * Stops tasks of a run. Answered when they have stopped. With `forget`, the state of the tasks with data is removed,
   * since the run is completed; the others keep theirs, from which more rounds can go on.
   */
  | {
      readonly type: 'release'
      readonly run: string
      /** Default: all tasks of the run. */
      readonly ends?: readonly string[]
      readonly forget?: boolean
      /** The states of the roles are told by `kept` before the answer, for the next sites of the tasks. */
      readonly handOver?: boolean
      readonly replyTo: ActorRef<SiteReply>
    }
  /** Ends a task's process, or its actor, on purpose: the task goes on from its state. */
  | { readonly type: 'kill'; readonly run: string; readonly end: string }

/**
 * Has a site host tasks of a job. The site restarts tasks that it hosts already, with the given refs; the state of
 * the tasks in the site's store makes that lossless. Other tasks of the same start stay as they are.
 */
export interface HostMessage {
  readonly type: 'host'
  readonly job: HostedJob
  /** The tasks for this site. */
  readonly ends: readonly string[]
  readonly rendezvous: ActorRef<RendezvousMessage>
  readonly reports: ActorRef<TaskReport>
  readonly models: ActorRef<ModelsMessage>
  /** Gives the archive with the job's code. Absent where sites have the code. */
  readonly code?: ActorRef<CodeMessage>
  /** The state of the one task of `ends`, from its former site. */
  readonly state?: KeptRole
  readonly replyTo: ActorRef<SiteReply>
}

/** Has a site get ready for tasks that it is to host soon. Sites of other nodes aren't told. */
export interface PrepareMessage extends Omit<HostMessage, 'type' | 'state'> {
  readonly type: 'prepare'
}

/** Messages to a node's own site. */
export type OwnSiteMessage = SiteMessage | PrepareMessage

/** The answers of a site. */
export type SiteReply =
  /** The tasks run. `unknownSettings`: hyperparameters that the workload has no setting for. */
  | {
      readonly type: 'hosting'
      readonly run: string
      readonly start: number
      readonly ends: readonly string[]
      readonly unknownSettings: readonly string[]
    }
  /** The site refuses the tasks, can't prepare them, or hosts them no more. */
  | {
      readonly type: 'not-hosting'
      readonly run: string
      readonly start: number
      readonly ends: readonly string[]
      readonly cause: unknown
    }
  /** The state of a role whose task is being released. Answered when it is taken. */
  | { readonly type: 'kept'; readonly run: string; readonly kept: KeptRole; readonly taken: ActorRef<TakenReply> }
  /** The tasks have stopped. `cause`: why the state of the tasks could not be removed. */
  | { readonly type: 'released'; readonly run: string; readonly cause?: unknown }

/** Asks for the archive with a job's code. */
export interface CodeMessage {
  readonly type: 'fetch-code'
  readonly replyTo: ActorRef<CodeReply>
}

export type CodeReply =
  | { readonly type: 'code'; readonly archive: Uint8Array }
  | { readonly type: 'no-code'; readonly cause: unknown }

/** Most tasks of a job that a message may name. */
const mostTasks = 1_000_000

/** Decodes a message of another node to a site. */
export function decodeSiteMessage(value: unknown): SiteMessage | undefined {
  const { type, replyTo, ...fields } = fieldsOf(value)
  if (type === 'kill') {
    const { run, end } = fields
    return isString(run) && isString(end) ? { type, run, end } : undefined
  }
  if (!isActorRef<SiteReply>(replyTo)) return undefined
  switch (type) {
    case 'host':
      return decodeHost(fields, replyTo)
    case 'release': {
      const { run, ends, forget, handOver } = fields
      if (!isString(run) || !(ends === undefined || isStrings(ends))) return undefined
      const more = { ...(forget === true && { forget }), ...(handOver === true && { handOver }) }
      return { type, run, ...(ends && { ends }), ...more, replyTo }
    }
    default:
      return undefined
  }
}

/** Decodes an answer of a site on another node. */
export function decodeSiteReply(value: unknown): SiteReply | undefined {
  const { type, run, start, ends, unknownSettings, cause, taken, ...fields } = fieldsOf(value)
  if (!isString(run)) return undefined
  if (type === 'kept') {
    const kept = decodeKeptRole(fields.kept)
    return kept && isActorRef<TakenReply>(taken) ? { type, run, kept, taken } : undefined
  }
  if (type === 'released') return { type, run, ...(cause !== undefined && { cause }) }
  if (!isCount(start) || !isStrings(ends)) return undefined
  switch (type) {
    case 'hosting':
      return isStrings(unknownSettings) ? { type, run, start, ends, unknownSettings } : undefined
    case 'not-hosting':
      return { type, run, start, ends, cause }
    default:
      return undefined
  }
}

export function decodeCodeMessage(value: unknown): CodeMessage | undefined {
  const { type, replyTo } = fieldsOf(value)
  return type === 'fetch-code' && isActorRef<CodeReply>(replyTo) ? { type, replyTo } : undefined
}

export function decodeCodeReply(value: unknown): CodeReply | undefined {
  const { type, archive, cause } = fieldsOf(value)
  if (type === 'no-code') return { type, cause }
  return type === 'code' && archive instanceof Uint8Array ? { type, archive } : undefined
}

function decodeHost(
  { job: given, ends, rendezvous, reports, models, code, state }: Readonly<Record<string, unknown>>,
  replyTo: ActorRef<SiteReply>,
): HostMessage | undefined {
  const job = decodeJob(given)
  if (!job || !isStrings(ends) || ends.length > mostTasks) return undefined
  if (!isActorRef<RendezvousMessage>(rendezvous) || !isActorRef<TaskReport>(reports)) return undefined
  if (!isActorRef<ModelsMessage>(models)) return undefined
  const kept = state === undefined ? undefined : decodeKeptRole(state)
  if (state !== undefined && !kept) return undefined
  const host = { type: 'host', job, ends, rendezvous, reports, models, ...(kept && { state: kept }), replyTo } as const
  if (code === undefined) return host
  return isActorRef<CodeMessage>(code) ? { ...host, code } : undefined
}

/** Decodes a job of another node. Whether its schema is valid is found when its tasks are prepared. */
export function decodeJob(value: unknown): HostedJob | undefined {
  const { id, run, start, takenOver, workload, clients, hyperparameters, codeHash, hasBaseModel, ...fields } =
    fieldsOf(value)
  const schema = decodeSchema(fields.schema)
  const tasks = listOf(fields.tasks, decodeTask, mostTasks)
  const algorithms = decodeChoices(fields.algorithms)
  if (!isString(id) || !isString(run) || !isCount(start) || !schema || !tasks || !algorithms) return undefined
  if (!isMissingOr(workload, isString) || !isMissingOr(codeHash, isString)) return undefined
  const whole = fields.whole === undefined ? undefined : decodeWhole(fields.whole)
  if (fields.whole !== undefined && !whole) return undefined
  if (!isMissingOr(clients, isCounts) || !isMissingOr(hyperparameters, isObject)) return undefined
  return {
    id,
    run,
    start,
    schema,
    tasks,
    algorithms,
    ...(takenOver === true && { takenOver }),
    ...(whole && { whole }),
    ...(workload !== undefined && { workload }),
    ...(clients && { clients }),
    ...(hyperparameters && { hyperparameters: fieldsOf(hyperparameters) }),
    ...(codeHash !== undefined && { codeHash }),
    ...(hasBaseModel === true && { hasBaseModel }),
  }
}

function decodeWhole(value: unknown): WholeJob | undefined {
  const { tasks, clients, fewestTrainers, parts } = fieldsOf(value)
  if (!isCount(tasks) || !isCount(clients) || !isCount(fewestTrainers) || !isTexts(parts)) return undefined
  return { tasks, clients, fewestTrainers, parts }
}

function decodeTask(value: unknown): HostedTask | undefined {
  const { end, role, groupAssociation, dataset, datasetUrl } = fieldsOf(value)
  if (!isString(end) || !isString(role) || !isTexts(groupAssociation)) return undefined
  if (!isMissingOr(dataset, isString) || !isMissingOr(datasetUrl, isString)) return undefined
  const data = { ...(dataset !== undefined && { dataset }), ...(datasetUrl !== undefined && { datasetUrl }) }
  return { end, role, groupAssociation, ...data }
}

function decodeChoices(value: unknown): HostedJob['algorithms'] | undefined {
  const given = fieldsOf(value)
  const choices: { [Each in (typeof kinds)[number]]?: Choice } = {}
  for (const kind of kinds) {
    if (given[kind] === undefined) continue
    const { sort, kwargs } = fieldsOf(given[kind])
    if (!isString(sort) || !isMissingOr(kwargs, isObject)) return undefined
    choices[kind] = { sort, ...(kwargs && { kwargs: fieldsOf(kwargs) }) }
  }
  return choices
}

function decodeSchema(value: unknown): Schema | undefined {
  const { name, isVertical, ...fields } = fieldsOf(value)
  const roles = listOf(fields.roles, decodeRole)
  const channels = listOf(fields.channels, decodeChannel)
  if (!isString(name) || !roles || !channels) return undefined
  return { name, roles, channels, ...(isVertical === true && { isVertical }) }
}

function decodeRole(value: unknown): SchemaRole | undefined {
  const { name, isDataConsumer, replica, groupAssociation = [] } = fieldsOf(value)
  const associations = listOf(groupAssociation, (item) => (isTexts(item) ? item : undefined))
  if (!isString(name) || !associations || !isMissingOr(replica, isInteger)) return undefined
  return {
    name,
    ...(isDataConsumer === true && { isDataConsumer }),
    ...(replica !== undefined && { replica }),
    groupAssociation: associations,
  }
}

function decodeChannel(value: unknown): SchemaChannel | undefined {
  const { name, pair, groupBy, funcTags, graph } = fieldsOf(value)
  if (!isString(name) || !isStrings(pair)) return undefined
  const { value: groups } = fieldsOf(groupBy)
  if (!isMissingOr(groups, isStrings) || !isMissingOr(funcTags, isTagLists)) return undefined
  if (!isMissingOr(graph, isString)) return undefined
  return {
    name,
    pair,
    ...(groups && { groupBy: { type: 'tag', value: groups } }),
    ...(funcTags && { funcTags }),
    ...(graph !== undefined && { graph }),
  }
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isRecordOf(value, isString)
}

function isCounts(value: unknown): value is Readonly<Record<string, number>> {
  return isRecordOf(value, isCount)
}

function isTagLists(value: unknown): value is Readonly<Record<string, readonly string[]>> {
  return isRecordOf(value, isStrings)
}
