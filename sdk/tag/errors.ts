import { type ErrorEntry, errorFactory } from '../../runtime/index.ts'
import type { SchemaChannel } from './schema.ts'

/** What can be wrong with a topology. Each fault says where. */
export const tagFaults = {
  TAG_NAME_INVALID: {
    message:
      'the name {name} is empty, dots alone, longer than 100 letters, or holds other characters than letters, digits, ".", "_" and "-"',
    hint: 'give it a name of 1 to 100 of these characters',
  },
  TAG_GROUP_NAME: {
    message: 'the name {name} of a group is empty, longer than 200 letters, or holds control characters',
    hint: 'give it another name',
  },
  TAG_NAME_TAKEN: { message: 'the name {name} is there twice', hint: 'give each its own name' },
  TAG_PAIR_LENGTH: {
    message: 'a channel joins two roles, and the number of names in this pair is {count}',
    hint: 'name two roles, or one twice for peers',
  },
  TAG_ROLE_UNKNOWN: {
    message: '{role} is no role of the schema, which has {known}',
    hint: 'name one of these, or add the role',
  },
  TAG_CHANNEL_UNKNOWN: {
    message: '{channel} is no channel of the schema, which has {known}',
    hint: 'name one of these, or add the channel',
  },
  TAG_CHANNEL_NOT_JOINED: {
    message: 'role {role} is not in the pair of channel {channel}',
    hint: 'leave the channel out, or put the role into its pair',
  },
  TAG_ASSOCIATION_INCOMPLETE: {
    message: 'the association names no group of channel {channel}, which role {role} joins and which has several',
    hint: 'name a group for each channel of the role that has several',
  },
  TAG_GROUP_UNKNOWN: {
    message: '{group} is no group of channel {channel}, which has {known}',
    hint: "name one of these, or add it to the channel's groupBy",
  },
  TAG_GROUP_AMBIGUOUS: {
    message: 'role {role} has no group association, and channel {channel} has {count} groups',
    hint: 'say in groupAssociation which of them the role joins',
  },
  TAG_GROUP_ONE_SIDED: {
    message: 'group {group} has no end of role {role}',
    hint: 'associate that role with the group (give a data consumer a dataset there), or leave the other role out of it',
  },
  TAG_GROUP_DEPTH: {
    message: 'channel {upper} has {upperGroups} groups, more than {lowerGroups} of channel {lower} below it',
    hint: 'let groups merge on the way up',
  },
  TAG_ROLE_ISOLATED: {
    message: 'no channel joins role {role} to another',
    hint: 'join it to another role, or remove it',
  },
  TAG_REPLICA: {
    message: 'role {role} asks for {replica} replicas, and {reason}',
    hint: 'leave replica out',
  },
  TAG_TASKS: {
    message: 'the number of tasks would be {count}, and a job may have at most {most}',
    hint: 'ask for fewer replicas, or name fewer datasets; --max-tasks of flamectl up sets the bound',
  },
  TAG_JOINS: {
    message: 'the tasks would join channels {count} times altogether, and those of a job may {most} times',
    hint: 'join the roles that have many tasks by fewer channels, or ask for fewer tasks',
  },
  TAG_NO_DATA_CONSUMER: { message: 'no role is a data consumer', hint: 'set isDataConsumer on the role that trains' },
  TAG_DATA_CONSUMER_CUT_OFF: {
    message: 'data consumer {role} reaches no role that is none, and has no ring of its own',
    hint: 'join it to an aggregator, or to itself',
  },
  TAG_DATA_CONSUMERS_JOINED: {
    message: 'channel {channel} joins two different data consumers, {first} and {second}',
    hint: 'put an aggregator between them; if they hold different features of the same examples, the schema says so by isVertical',
  },
  TAG_NOT_A_DATA_CONSUMER: {
    message: 'role {role} is given datasets and is no data consumer',
    hint: 'set isDataConsumer on it, or leave its datasets out',
  },
  TAG_NO_DATASET: { message: 'data consumer {role} has no dataset', hint: 'name at least one in dataSpec' },
  TAG_DATASET_GROUP: {
    message: 'no association of role {role} has the group {group}',
    hint: 'name a group that the role joins',
  },
  TAG_DATASET_UNKNOWN: { message: 'dataset {dataset} is unknown', hint: 'register it, or name another' },
  TAG_DATASET_FORMATS: {
    message: 'the datasets of role {role} have different formats: {formats}',
    hint: 'give one role datasets of one format',
  },
  TAG_BACKEND_UNKNOWN: { message: '{backend} is no backend; there are {known}', hint: 'name one of these' },
  TAG_CODE_MISSING: {
    message: 'the code has no folder for role {role}',
    hint: 'pack a folder of that name, with at least one file in it: archives leave empty folders out',
  },
} as const satisfies Record<string, ErrorEntry>

export type FaultCode = keyof typeof tagFaults

const tagErrors = {
  TAG_INVALID: { message: 'faults of the topology, {count}:\n{list}', hint: 'mend each at its place' },
} as const

export const tagError = errorFactory(tagErrors)
export const faultError = errorFactory<FaultCode>(tagFaults)

/** A fault of a topology, and the place of the fault. */
export interface Fault {
  readonly code: FaultCode
  /** Path into the schema or the dataSpec, such as `schema.channels.1.pair`. */
  readonly place: string
  readonly message: string
  readonly hint: string
}

/** Notes a fault; `times` counts further faults of the kind, which aren't listed. */
export type NoteFault = (
  place: string,
  code: FaultCode,
  values?: Readonly<Record<string, unknown>>,
  times?: number,
) => void

/** Facts from outside of the topology. Absent facts aren't checked. */
export interface TopologyFacts {
  readonly datasets?: ReadonlyMap<string, { readonly dataFormat: string }>
  readonly codeFolders?: readonly string[]
  readonly backends?: readonly string[]
  /** Most tasks that the topology may have. */
  readonly mostTasks?: number
  /** The datasets are named later: missing datasets are no fault. */
  readonly datasetsFollow?: boolean
}

/** Findings that the checks share: the channels of each role, and the roles whose faults would cause further faults. */
export interface Findings {
  readonly joined: (role: string) => readonly SchemaChannel[]
  /** Roles whose groups or datasets are at fault, so that their groups are unknown. */
  readonly unplaced: Set<string>
  /** True while a noted fault will be listed. */
  readonly listsMore: () => boolean
}

/** As much of a name as is told of it. */
export function shortName(name: string): string {
  const most = 300
  return name.length > most ? `${name.slice(0, most)}…` : name
}

/** Names for a message: the first of them, and how many there are besides. Takes no longer where there are many. */
export function shortList(names: { readonly size: number; keys(): Iterable<string> }): string {
  const most = 20
  const first: string[] = []
  for (const name of names.keys()) {
    if (first.length === most) break
    first.push(shortName(name))
  }
  const shown = first.join(', ')
  return names.size > most ? `${shown} and ${names.size - most} more` : shown
}
