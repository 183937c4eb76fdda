import { type ErrorEntry, errorFactory } from '../../runtime/index.ts'
import type { SchemaChannel } from './schema.ts'

/** The faults of a topology. Each message comes with the path of its fault. */
export const tagFaults = {
  TAG_NAME_INVALID: {
    message:
      'the name {name} is empty, only dots, longer than 100 characters, or has characters besides letters, digits, ".", "_" and "-"',
    hint: 'choose a name of 1 to 100 of these characters',
  },
  TAG_GROUP_NAME: {
    message: 'the group name {name} is empty, longer than 200 characters, or has control characters',
    hint: 'choose another name',
  },
  TAG_NAME_TAKEN: { message: 'the name {name} occurs twice', hint: 'use different names' },
  TAG_PAIR_LENGTH: {
    message: 'a channel joins two roles, but the number of names in this pair is {count}',
    hint: 'name two roles, or one role twice to join its ends with each other',
  },
  TAG_ROLE_UNKNOWN: {
    message: '{role} is no role of the schema, which has {known}',
    hint: 'use one of these, or add the role',
  },
  TAG_CHANNEL_UNKNOWN: {
    message: '{channel} is no channel of the schema, which has {known}',
    hint: 'use one of these, or add the channel',
  },
  TAG_CHANNEL_NOT_JOINED: {
    message: 'role {role} is not in the pair of channel {channel}',
    hint: "leave the channel out, or add the role to the channel's pair",
  },
  TAG_ASSOCIATION_INCOMPLETE: {
    message:
      'the association names no group of channel {channel}, which has several groups and which role {role} joins',
    hint: 'name a group for each channel of the role that has several groups',
  },
  TAG_GROUP_UNKNOWN: {
    message: '{group} is no group of channel {channel}, which has {known}',
    hint: "use one of these, or add the group to the channel's groupBy",
  },
  TAG_GROUP_AMBIGUOUS: {
    message: 'role {role} has no group association, but channel {channel} has {count} groups',
    hint: "name the role's groups in its groupAssociation",
  },
  TAG_GROUP_ONE_SIDED: {
    message: 'group {group} has no end of role {role}',
    hint: 'associate this role with the group (name a dataset in the group for a data consumer), or leave the other role out of the group',
  },
  TAG_GROUP_DEPTH: {
    message: 'channel {upper} has {upperGroups} groups, more than the {lowerGroups} of channel {lower} below',
    hint: 'give a channel at most as many groups as the channels below',
  },
  TAG_ROLE_ISOLATED: {
    message: 'no channel joins role {role} to another role',
    hint: 'join the role to another role, or remove it',
  },
  TAG_REPLICA: {
    message: 'role {role} has replica {replica}, but {reason}',
    hint: 'leave replica out',
  },
  TAG_TASKS: {
    message: 'the job would have {count} tasks: at most {most} are allowed',
    hint: 'use fewer replicas or fewer datasets; --max-tasks of flamectl up sets the bound',
  },
  TAG_JOINS: {
    message: 'the tasks would join channels {count} times in all: at most {most} times are allowed',
    hint: 'let roles with many tasks join fewer channels, or use fewer tasks',
  },
  TAG_NO_DATA_CONSUMER: { message: 'no role is a data consumer', hint: 'set isDataConsumer on the role that trains' },
  TAG_DATA_CONSUMER_CUT_OFF: {
    message: 'data consumer {role} reaches no role that aggregates, and has no channel to itself',
    hint: 'join the role to an aggregator, or to itself',
  },
  TAG_DATA_CONSUMERS_JOINED: {
    message: 'channel {channel} joins two different data consumers, {first} and {second}',
    hint: 'put an aggregator between them; or, if they hold different features of the same examples, set isVertical in the schema',
  },
  TAG_LABEL_HOLDERS: {
    message: 'role {role} gathers the values of parties, and has {count} datasets in the group {group}',
    hint: 'give the label holder one dataset in each group',
  },
  TAG_NOT_A_DATA_CONSUMER: {
    message: 'role {role} has datasets, but is no data consumer',
    hint: 'set isDataConsumer on the role, or leave its datasets out',
  },
  TAG_NO_DATASET: { message: 'data consumer {role} has no dataset', hint: 'name at least one dataset in dataSpec' },
  TAG_DATASET_GROUP: {
    message: 'no association of role {role} has the group {group}',
    hint: 'use a group that the role joins',
  },
  TAG_DATASET_UNKNOWN: { message: 'dataset {dataset} is unknown', hint: 'register the dataset, or name another' },
  TAG_DATASET_FORMATS: {
    message: 'the datasets of role {role} have different formats: {formats}',
    hint: 'use datasets of the same format for a role',
  },
  TAG_BACKEND_UNKNOWN: { message: '{backend} is no backend; there are {known}', hint: 'use one of these' },
  TAG_GRAPH_UNKNOWN: {
    message: '{graph} is no graph; there are {known}',
    hint: 'use one of these, with a number for d',
  },
  TAG_GRAPH_UNUSED: {
    message: 'channel {channel} has the graph {graph}, and no role with the func tag gossip',
    hint: 'give the role of the pair this func tag, or leave the graph out',
  },
  TAG_GRAPH_SIZE: {
    message: 'the {ends} ends of group {group} cannot form the graph {graph}: {reason}',
    hint: 'use another number of datasets, or another graph, such as ring or full',
  },
  TAG_CODE_MISSING: {
    message: 'the code has no folder for role {role}',
    hint: 'pack a folder of this name with at least one file: archives leave empty folders out',
  },
} as const satisfies Record<string, ErrorEntry>

export type FaultCode = keyof typeof tagFaults

const tagErrors = {
  TAG_INVALID: { message: 'faults of the topology, {count}:\n{list}', hint: 'mend each fault at its path' },
  TAG_LEVELS: {
    message: 'a ready-made hierarchical topology has 2 or 3 levels of aggregators, not {levels}',
    hint: 'use levels=2 or levels=3, or write a schema of your own',
  },
  TAG_PARTIES: {
    message:
      'a vertical topology has a label holder and at least one feature holder, but the number of parties is {parties}',
    hint: 'use 2 parties or more',
  },
} as const

export const tagError = errorFactory(tagErrors)
export const faultError = errorFactory<FaultCode>(tagFaults)

/** A fault of a topology, with its path. */
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
  /** Most tasks of the topology. */
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

/** A name for a message, shortened to 300 characters. */
export function shortName(name: string): string {
  const most = 300
  return name.length > most ? `${name.slice(0, most)}…` : name
}

/** Names for a message: the first 20, and the number of others. Takes bounded time for any number of names. */
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
