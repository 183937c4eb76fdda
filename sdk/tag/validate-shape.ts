import { type Findings, type NoteFault, shortList, type TopologyFacts } from './errors.ts'
import { funcTagsOf, gathersParties, otherRole, type SchemaChannel } from './schema.ts'
import type { Topology } from './topology.ts'

/**
 * Not only dots, since a role's code lies in a folder of this name. Bounded, since names are parts of keys in the
 * store.
 */
const wellFormed = /^(?!\.+$)[\w.-]{1,100}$/

/** Finds faults of roles and channels by themselves: names, pairs, reachability. */
export function shapeFaults(
  { schema }: Topology,
  { codeFolders, backends }: TopologyFacts,
  { joined }: Findings,
  note: NoteFault,
): void {
  nameFaults('schema.roles', schema.roles, note)
  nameFaults('schema.channels', schema.channels, note)
  nameFaults('schema.connectors', schema.connectors ?? [], note)
  const roles = new Set(schema.roles.map(({ name }) => name))
  const consumers = new Set(schema.roles.filter(({ isDataConsumer }) => isDataConsumer).map(({ name }) => name))
  const known = shortList(roles)
  const unknown = new Set<string>()

  for (const [index, channel] of schema.channels.entries()) {
    const place = `schema.channels.${index}`
    const [first, second] = channel.pair
    if (channel.pair.length !== 2) note(`${place}.pair`, 'TAG_PAIR_LENGTH', { count: channel.pair.length })
    for (const role of new Set(channel.pair)) {
      if (roles.has(role)) continue
      unknown.add(role)
      note(`${place}.pair`, 'TAG_ROLE_UNKNOWN', { role, known })
    }
    const pair = new Set(channel.pair)
    for (const role of Object.keys(channel.funcTags ?? {})) {
      const at = `${place}.funcTags.${role}`
      if (pair.has(role)) continue
      if (roles.has(role)) note(at, 'TAG_CHANNEL_NOT_JOINED', { role, channel: channel.name })
      else note(at, 'TAG_ROLE_UNKNOWN', { role, known })
    }
    if (
      first !== undefined &&
      second !== undefined &&
      first !== second &&
      consumers.has(first) &&
      consumers.has(second) &&
      !schema.isVertical
    ) {
      note(`${place}.pair`, 'TAG_DATA_CONSUMERS_JOINED', { channel: channel.name, first, second })
    }
    if (channel.backend && backends && !backends.includes(channel.backend)) {
      note(`${place}.backend`, 'TAG_BACKEND_UNKNOWN', { backend: channel.backend, known: backends.join(', ') })
    }
  }

  if (consumers.size === 0) note('schema.roles', 'TAG_NO_DATA_CONSUMER')
  const aggregated = reachingAggregation(consumers, joined)
  const folders = codeFolders && new Set(codeFolders)
  const isolated: { readonly place: string; readonly role: string }[] = []
  for (const [index, { name, isDataConsumer, replica = 1 }] of schema.roles.entries()) {
    const place = `schema.roles.${index}`
    const reason = replica > 1 && singleBecause(joined(name), name, isDataConsumer)
    if (reason) note(`${place}.replica`, 'TAG_REPLICA', { role: name, replica, reason })
    if (folders && !folders.has(name) && wellFormed.test(name)) note(place, 'TAG_CODE_MISSING', { role: name })
    if (!isJoined(joined(name), name, isDataConsumer)) isolated.push({ place, role: name })
    else if (isDataConsumer && !aggregated.has(name)) note(place, 'TAG_DATA_CONSUMER_CUT_OFF', { role: name })
  }
  // Each unknown role in a pair may stand for one isolated role, which then isn't a further fault.
  if (isolated.length > unknown.size) for (const { place, role } of isolated) note(place, 'TAG_ROLE_ISOLATED', { role })
}

/** The reason for which a role can't have replicas. Undefined if it can. */
function singleBecause(
  joined: readonly SchemaChannel[],
  role: string,
  isDataConsumer: boolean | undefined,
): string | undefined {
  if (isDataConsumer) return 'a data consumer has one task for each dataset'
  const tags = joined.flatMap((channel) => funcTagsOf(channel, role))
  return tags.some((tag) => tag.startsWith('coordinateWith')) ? 'a coordinator has no replicas' : undefined
}

function nameFaults(place: string, named: readonly { readonly name: string }[], note: NoteFault): void {
  const seen = new Set<string>()
  for (const [index, { name }] of named.entries()) {
    if (!wellFormed.test(name)) note(`${place}.${index}.name`, 'TAG_NAME_INVALID', { name: shown(name) })
    if (seen.has(name)) note(`${place}.${index}.name`, 'TAG_NAME_TAKEN', { name })
    seen.add(name)
  }
}

function shown(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name)
}

/** Whether a channel joins the role to another role, or joins a data consumer to itself. */
function isJoined(joined: readonly SchemaChannel[], role: string, isDataConsumer = false): boolean {
  return joined.some((channel) => isDataConsumer || otherRole(channel, role) !== role)
}

/**
 * Data consumers with a path over channels to a role that is no data consumer, to one that gathers the values of
 * parties, or to a channel that joins a role to itself.
 */
function reachingAggregation(
  consumers: ReadonlySet<string>,
  joined: (role: string) => readonly SchemaChannel[],
): ReadonlySet<string> {
  const reaching = new Set<string>()
  for (const role of consumers)
    if (joined(role).some((channel) => isAggregating(channel, role, consumers))) reaching.add(role)
  // The loop also visits roles that are added on the way.
  for (const role of reaching)
    for (const channel of joined(role)) {
      const other = otherRole(channel, role)
      if (consumers.has(other)) reaching.add(other)
    }
  return reaching
}

/** Whether the ends at the other side aggregate. So does a data consumer that gathers the values of parties. */
function isAggregating(channel: SchemaChannel, role: string, consumers: ReadonlySet<string>): boolean {
  const other = otherRole(channel, role)
  return other === role || !consumers.has(other) || gathersParties([channel], other)
}
