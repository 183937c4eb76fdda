import { associationOf, associationsOf, channelsOf, groupsOf, otherRole } from './channels.ts'
import type { GroupAssociation, Schema, SchemaChannel, SchemaRole } from './schema.ts'
import type { Topology } from './topology.ts'
import type { NoteFault } from './validate.ts'

/** Faults of groups and of the associations with them. */
export function groupFaults({ schema, dataSpec }: Topology, note: NoteFault): void {
  for (const [index, channel] of schema.channels.entries())
    groupNameFaults(channel, `schema.channels.${index}.groupBy.value`, note)
  for (const [index, role] of schema.roles.entries()) associationFaults(schema, role, `schema.roles.${index}`, note)
  for (const [index, channel] of schema.channels.entries())
    oneSidedGroups(schema, dataSpec, channel, `schema.channels.${index}`, note)
  depthFaults(schema, note)
}

function groupNameFaults(channel: SchemaChannel, place: string, note: NoteFault): void {
  const groups = groupsOf(channel)
  for (const [index, name] of groups.entries()) {
    if (/^$|\p{Cc}/u.test(name)) note(`${place}.${index}`, 'TAG_GROUP_NAME', { name: JSON.stringify(name) })
    if (groups.indexOf(name) !== index) note(`${place}.${index}`, 'TAG_NAME_TAKEN', { name })
  }
}

function associationFaults(schema: Schema, role: SchemaRole, place: string, note: NoteFault): void {
  const joined = channelsOf(schema, role.name)
  if (!role.groupAssociation || role.groupAssociation.length === 0) {
    for (const channel of joined) {
      const count = groupsOf(channel).length
      if (count > 1) note(place, 'TAG_GROUP_AMBIGUOUS', { role: role.name, channel: channel.name, count })
    }
    return
  }
  const known = schema.channels.map(({ name }) => name).join(', ')
  for (const [index, association] of role.groupAssociation.entries()) {
    const at = `${place}.groupAssociation.${index}`
    for (const [name, group] of Object.entries(association)) {
      const channel = schema.channels.find((candidate) => candidate.name === name)
      if (!channel) note(`${at}.${name}`, 'TAG_CHANNEL_UNKNOWN', { channel: name, known })
      else if (!channel.pair.includes(role.name))
        note(`${at}.${name}`, 'TAG_CHANNEL_NOT_JOINED', { role: role.name, channel: name })
      else if (!groupsOf(channel).includes(group))
        note(`${at}.${name}`, 'TAG_GROUP_UNKNOWN', { group, channel: name, known: groupsOf(channel).join(', ') })
    }
    for (const { name } of joined) {
      if (association[name] === undefined) note(at, 'TAG_ASSOCIATION_INCOMPLETE', { role: role.name, channel: name })
    }
  }
}

function oneSidedGroups(
  schema: Schema,
  dataSpec: Topology['dataSpec'],
  channel: SchemaChannel,
  place: string,
  note: NoteFault,
): void {
  for (const role of new Set(channel.pair)) {
    const definition = schema.roles.find(({ name }) => name === role)
    if (!definition) continue
    const covered = new Set(populated(schema, definition, dataSpec).map((association) => association[channel.name]))
    for (const group of groupsOf(channel)) if (!covered.has(group)) note(place, 'TAG_GROUP_ONE_SIDED', { group, role })
  }
}

/** The associations of a role that will have tasks. A data consumer without any dataset is a fault of its own. */
function populated(schema: Schema, role: SchemaRole, dataSpec: Topology['dataSpec']): readonly GroupAssociation[] {
  const associations = associationsOf(schema, role)
  if (!role.isDataConsumer) return associations
  const groups = dataSpec
    .filter((entry) => entry.role === role.name)
    .flatMap(({ datasetGroups }) => Object.entries(datasetGroups))
    .filter(([, datasets]) => datasets.length > 0)
  if (groups.length === 0) return associations
  return groups.map(([group]) => associationOf(associations, group) ?? {})
}

/** Groups merge on the way from the data consumers upward: a channel above has no more of them than the one below. */
function depthFaults(schema: Schema, note: NoteFault): void {
  const level = levelsOf(schema)
  for (const { name } of schema.roles) {
    const own = level.get(name)
    if (own === undefined) continue
    const joined = channelsOf(schema, name).map((channel) => ({
      channel,
      other: level.get(otherRole(channel, name)) ?? own,
    }))
    for (const { channel: lower, other: below } of joined) {
      if (below >= own) continue
      for (const { channel: upper, other: above } of joined) {
        const [upperGroups, lowerGroups] = [groupsOf(upper).length, groupsOf(lower).length]
        if (above <= own || upperGroups <= lowerGroups) continue
        const index = schema.channels.findIndex((candidate) => candidate.name === upper.name)
        note(`schema.channels.${index}.groupBy`, 'TAG_GROUP_DEPTH', {
          upper: upper.name,
          upperGroups,
          lower: lower.name,
          lowerGroups,
        })
      }
    }
  }
}

/** Channels between each role and the nearest data consumer. */
function levelsOf({ roles, channels }: Schema): Map<string, number> {
  const levels = new Map(roles.filter(({ isDataConsumer }) => isDataConsumer).map(({ name }) => [name, 0]))
  for (const [role, level] of levels) {
    for (const channel of channels.filter(({ pair }) => pair.includes(role))) {
      const other = otherRole(channel, role)
      if (!levels.has(other)) levels.set(other, level + 1)
    }
  }
  return levels
}
