import type { GroupAssociation, Schema, SchemaChannel, SchemaRole } from './schema.ts'

/** The group of a channel that names none. */
export const defaultGroup = 'default'

/** A channel's groups: those it names, or the default one. */
export function groupsOf({ groupBy }: SchemaChannel): readonly string[] {
  return groupBy && groupBy.value.length > 0 ? groupBy.value : [defaultGroup]
}

/** The channels that a role joins, with `groupBy` filled in. */
export function channelsOf({ channels }: Schema, role: string): readonly SchemaChannel[] {
  return channels
    .filter(({ pair }) => pair.includes(role))
    .map((channel) => ({ ...channel, groupBy: { type: 'tag', value: groupsOf(channel) } }))
}

/** A role's group associations; one that names none joins the only group of each of its channels. */
export function associationsOf(schema: Schema, { name, groupAssociation }: SchemaRole): readonly GroupAssociation[] {
  if (groupAssociation && groupAssociation.length > 0) return groupAssociation
  return [
    Object.fromEntries(channelsOf(schema, name).map((channel) => [channel.name, groupsOf(channel)[0] ?? defaultGroup])),
  ]
}

/** The association with which a data consumer takes the datasets of a group: the first that has it among its values. */
export function associationOf(associations: readonly GroupAssociation[], group: string): GroupAssociation | undefined {
  return associations.find((association) => Object.values(association).includes(group))
}

/** The role at the other side of a channel. */
export function otherRole({ pair }: SchemaChannel, role: string): string {
  const [first = role, second = role] = pair
  return first === role ? second : first
}
