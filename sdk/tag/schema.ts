/** Topology abstraction graph: roles joined by channels, grouped. Field names are the wire format. */
export interface Schema {
  readonly name: string
  readonly description?: string
  /** The data consumers hold different features of the same examples, and may be joined directly. */
  readonly isVertical?: boolean
  readonly roles: readonly SchemaRole[]
  readonly channels: readonly SchemaChannel[]
  readonly connectors?: readonly SchemaConnector[]
  readonly revision?: number
}

export interface SchemaRole {
  readonly name: string
  readonly description?: string
  /** The role has one task for each dataset. */
  readonly isDataConsumer?: boolean
  /** For a role that is no data consumer: number of tasks for each group association. Absent or ≤ 0: 1. */
  readonly replica?: number
  readonly groupAssociation?: readonly GroupAssociation[]
}

/** Channel name → group, with an entry for each channel that the task joins. */
export type GroupAssociation = Readonly<Record<string, string>>

export interface SchemaChannel {
  readonly name: string
  /** The two roles that the channel joins. The same role twice joins its ends with each other. */
  readonly pair: readonly string[]
  readonly description?: string
  readonly groupBy?: { readonly type: 'tag'; readonly value: readonly string[] }
  /** For each role of the pair, the names of its functions on the channel. */
  readonly funcTags?: Readonly<Record<string, readonly string[]>>
  readonly backend?: string
  readonly brokerHost?: string
  readonly isUnidirectional?: boolean
  /** Of ends that gossip: the graph that says which ends are neighbours, such as `ring` or `regular:4`. Absent: `ring`. */
  readonly graph?: string
}

export interface SchemaConnector {
  readonly name: string
  readonly connection: string
  readonly description?: string
}

/** The group of a channel without groups. */
export const defaultGroup = 'default'

/** A channel's groups, or the default group. */
export function groupsOf({ groupBy }: SchemaChannel): readonly string[] {
  return groupBy && groupBy.value.length > 0 ? groupBy.value : [defaultGroup]
}

/** The channels that each role joins, in order, from one pass over the schema. */
export function channelsByRole({ channels }: Schema): (role: string) => readonly SchemaChannel[] {
  const joined = new Map<string, SchemaChannel[]>()
  for (const channel of channels)
    for (const role of new Set(channel.pair)) {
      const its = joined.get(role)
      if (its) its.push(channel)
      else joined.set(role, [channel])
    }
  return (role) => joined.get(role) ?? []
}

/** The channels that a role joins, with `groupBy` filled in. */
export function channelsOf(schema: Schema, role: string): readonly SchemaChannel[] {
  return withGroups(schema.channels.filter(({ pair }) => pair.includes(role)))
}

export function withGroups(channels: readonly SchemaChannel[]): readonly SchemaChannel[] {
  return channels.map((channel) => ({ ...channel, groupBy: { type: 'tag', value: groupsOf(channel) } }))
}

/** The groups of channels with one group: an association without an entry for such a channel joins this group. */
export function impliedGroups(joined: readonly SchemaChannel[]): GroupAssociation {
  return Object.fromEntries(
    joined.flatMap((channel) => {
      const [only = defaultGroup, ...others] = groupsOf(channel)
      return others.length === 0 ? [[channel.name, only] as const] : []
    }),
  )
}

/** A role's group associations as written, or an empty one. */
export function writtenAssociations({ groupAssociation = [] }: SchemaRole): readonly GroupAssociation[] {
  return groupAssociation.length > 0 ? groupAssociation : [{}]
}

/**
 * For each group, the association, as written, with which a data consumer takes its datasets: the first that has the
 * group among its values, with implied values.
 */
export function associationsByGroup(
  role: SchemaRole,
  implied: GroupAssociation,
): ReadonlyMap<string, GroupAssociation> {
  const written = writtenAssociations(role)
  const first = new Map<string, GroupAssociation>()
  const note = (association: GroupAssociation, groups: GroupAssociation) => {
    for (const group of Object.values(groups)) if (!first.has(group)) first.set(group, association)
  }
  const [foremost = {}] = written
  note(foremost, foremost)
  note(foremost, implied)
  for (const association of written) note(association, association)
  return first
}

/** The func tags of a role on a channel. A role may have the name of something that all objects inherit. */
export function funcTagsOf({ funcTags = {} }: Pick<SchemaChannel, 'funcTags'>, role: string): readonly string[] {
  return Object.hasOwn(funcTags, role) ? (funcTags[role] ?? []) : []
}

/** Whether a role gathers the values of the other parties of a vertical topology, by the channels that it joins. */
export function gathersParties(joined: readonly SchemaChannel[], role: string): boolean {
  return joined.some((channel) => funcTagsOf(channel, role).includes('gatherActivations'))
}

/** The role at the other side of a channel. */
export function otherRole({ pair }: SchemaChannel, role: string): string {
  const [first = role, second = role] = pair
  return first === role ? second : first
}
