import { type Findings, type NoteFault, shortList } from './errors.ts'
import {
  associationsByGroup,
  groupsOf,
  impliedGroups,
  otherRole,
  type Schema,
  type SchemaChannel,
  type SchemaRole,
  writtenAssociations,
} from './schema.ts'
import { countOf, type Topology } from './topology.ts'

/** Finds faults in groups and group associations. */
export function groupFaults({ schema, dataSpec }: Topology, findings: Findings, note: NoteFault): void {
  const roles = new Map(schema.roles.toReversed().map((role) => [role.name, role]))
  const channels: Channels = new Map(
    schema.channels.toReversed().map((channel) => {
      const groups = new Set(groupsOf(channel))
      return [channel.name, { channel, groups, known: shortList(groups) }]
    }),
  )
  for (const [index, channel] of schema.channels.entries())
    groupNameFaults(channel, `schema.channels.${index}.groupBy.value`, note)
  for (const [index, role] of schema.roles.entries()) {
    // A second role of the same name is a separate fault.
    if (roles.get(role.name) === role)
      associationFaults(role, { roles, channels }, findings, `schema.roles.${index}`, note)
  }
  oneSidedGroups(schema, dataSpec, roles, findings, note)
  depthFaults(schema, findings, note)
}

interface KnownChannel {
  readonly channel: SchemaChannel
  readonly groups: ReadonlySet<string>
  /** The channel's groups, for a message. */
  readonly known: string
}
type Channels = ReadonlyMap<string, KnownChannel>

function groupNameFaults(channel: SchemaChannel, place: string, note: NoteFault): void {
  const seen = new Set<string>()
  for (const [index, name] of groupsOf(channel).entries()) {
    if (name.length > mostLetters || /^$|\p{Cc}/u.test(name))
      note(`${place}.${index}`, 'TAG_GROUP_NAME', { name: JSON.stringify(name.slice(0, mostLetters)) })
    if (seen.has(name)) note(`${place}.${index}`, 'TAG_NAME_TAKEN', { name })
    seen.add(name)
  }
}

/** Most characters of a group's name. */
const mostLetters = 200

function associationFaults(
  { name: role, groupAssociation = [] }: SchemaRole,
  { roles, channels }: { readonly roles: ReadonlyMap<string, SchemaRole>; readonly channels: Channels },
  { joined, unplaced, listsMore }: Findings,
  place: string,
  note: NoteFault,
): void {
  const noteOf: NoteFault = (...fault) => {
    unplaced.add(role)
    note(...fault)
  }
  const ambiguous = joined(role).filter((channel) => groupsOf(channel).length > 1)
  const known = shortList(channels)
  const several = new Set(ambiguous.map(({ name }) => name))
  if (groupAssociation.length === 0)
    for (const channel of ambiguous)
      noteOf(place, 'TAG_GROUP_AMBIGUOUS', { role, channel: channel.name, count: groupsOf(channel).length })
  for (const [index, association] of groupAssociation.entries()) {
    const at = `${place}.groupAssociation.${index}`
    let isMisnamed = false
    for (const [name, group] of Object.entries(association)) {
      const found = channels.get(name)
      if (!found) {
        noteOf(`${at}.${name}`, 'TAG_CHANNEL_UNKNOWN', { channel: name, known })
        isMisnamed = true
      } else if (!found.channel.pair.includes(role)) {
        // The pair may have the role under a wrong name, which is a fault already noted.
        if (found.channel.pair.every((other) => roles.has(other)))
          noteOf(`${at}.${name}`, 'TAG_CHANNEL_NOT_JOINED', { role, channel: name })
      } else if (!found.groups.has(group)) {
        noteOf(`${at}.${name}`, 'TAG_GROUP_UNKNOWN', { group, channel: name, known: found.known })
      }
    }
    if (isMisnamed) continue
    let missing = several.size
    for (const name of Object.keys(association)) if (several.has(name)) missing -= 1
    for (const name of several) {
      if (missing === 0) break
      if (Object.hasOwn(association, name)) continue
      // Many associations may each lack many channels: faults that aren't listed are counted at once.
      const times = listsMore() ? 1 : missing
      noteOf(at, 'TAG_ASSOCIATION_INCOMPLETE', { role, channel: name }, times)
      missing -= times
    }
  }
}

/** Finds groups that have ends of one role of a channel, but none of the other. Groups without ends are no fault. */
function oneSidedGroups(
  schema: Schema,
  dataSpec: Topology['dataSpec'],
  roles: ReadonlyMap<string, SchemaRole>,
  { joined, unplaced }: Findings,
  note: NoteFault,
): void {
  const given = groupsGiven(dataSpec)
  const elsewhere = new Set(unplaced)
  /** For each role and channel, the groups with ends. */
  const populated = new Map<string, Map<string, Set<string>>>()
  for (const role of roles.values()) {
    const implied = impliedGroups(joined(role.name))
    const groups = role.isDataConsumer ? given.get(role.name) : undefined
    const byGroup = groups && associationsByGroup(role, implied)
    // A dataset in a group outside its role's groups is a separate fault.
    if (groups?.some((group) => !byGroup?.has(group))) elsewhere.add(role.name)
    // Without duplicates: many groups may share one association.
    const associations = groups ? new Set(groups.map((group) => byGroup?.get(group) ?? {})) : writtenAssociations(role)
    const byChannel = new Map<string, Set<string>>()
    for (const association of [implied, ...associations])
      for (const [channel, group] of Object.entries(association)) {
        const its = byChannel.get(channel)
        if (its) its.add(group)
        else byChannel.set(channel, new Set([group]))
      }
    populated.set(role.name, byChannel)
  }
  for (const [index, channel] of schema.channels.entries()) {
    const [first, second] = channel.pair
    if (channel.pair.length !== 2 || first === undefined || second === undefined || first === second) continue
    if (!populated.has(first) || !populated.has(second)) continue
    const ofFirst = populated.get(first)?.get(channel.name)
    const ofSecond = populated.get(second)?.get(channel.name)
    for (const group of new Set(groupsOf(channel))) {
      const [isInFirst, isInSecond] = [ofFirst?.has(group) ?? false, ofSecond?.has(group) ?? false]
      if (isInFirst === isInSecond) continue
      const role = isInFirst ? second : first
      if (!elsewhere.has(role)) note(`schema.channels.${index}`, 'TAG_GROUP_ONE_SIDED', { group, role })
    }
  }
}

/** For each role, its groups with datasets. */
function groupsGiven(dataSpec: Topology['dataSpec']): ReadonlyMap<string, readonly string[]> {
  const given = new Map<string, string[]>()
  for (const { role, datasetGroups } of dataSpec)
    for (const [group, entries] of Object.entries(datasetGroups)) {
      if (!entries.some((entry) => countOf(entry) > 0)) continue
      const groups = given.get(role)
      if (groups) groups.push(group)
      else given.set(role, [group])
    }
  return given
}

/** Finds channels with more groups than a channel below: groups must merge on the way up from the data consumers. */
function depthFaults(schema: Schema, findings: Findings, note: NoteFault): void {
  const level = levelsOf(schema, findings)
  const places = new Map(schema.channels.map(({ name }, index) => [name, index] as const).toReversed())
  const told = new Set<string>()
  for (const { name } of schema.roles) {
    const own = level.get(name)
    if (own === undefined) continue
    const sides = findings.joined(name).map((channel) => ({
      channel,
      groups: groupsOf(channel).length,
      other: level.get(otherRole(channel, name)) ?? own,
    }))
    const [lower] = sides.filter(({ other }) => other < own).toSorted((a, b) => a.groups - b.groups)
    for (const { channel: upper, groups: upperGroups, other } of sides) {
      if (!lower || other <= own || upperGroups <= lower.groups || told.has(upper.name)) continue
      told.add(upper.name)
      note(`schema.channels.${places.get(upper.name)}.groupBy`, 'TAG_GROUP_DEPTH', {
        upper: upper.name,
        upperGroups,
        lower: lower.channel.name,
        lowerGroups: lower.groups,
      })
    }
  }
}

/** For each role, the number of channels between it and the nearest data consumer. */
function levelsOf({ roles }: Schema, { joined }: Findings): Map<string, number> {
  const levels = new Map(roles.filter(({ isDataConsumer }) => isDataConsumer).map(({ name }) => [name, 0]))
  for (const [role, level] of levels) {
    for (const channel of joined(role)) {
      const other = otherRole(channel, role)
      if (!levels.has(other)) levels.set(other, level + 1)
    }
  }
  return levels
}
