import { otherRole } from './channels.ts'
import type { Schema, SchemaChannel } from './schema.ts'
import type { Topology } from './topology.ts'
import type { NoteFault, TopologyFacts } from './validate.ts'

/** Not of dots alone, since a role's code lies in a folder of its name. */
const wellFormed = /^(?!\.+$)[\w.-]+$/

/** Faults of roles and channels by themselves: names, pairs, reachability. */
export function shapeFaults({ schema }: Topology, { codeFolders, backends }: TopologyFacts, note: NoteFault): void {
  nameFaults('schema.roles', schema.roles, note)
  nameFaults('schema.channels', schema.channels, note)
  nameFaults('schema.connectors', schema.connectors ?? [], note)
  const roles = new Set(schema.roles.map(({ name }) => name))
  const consumers = new Set(schema.roles.filter(({ isDataConsumer }) => isDataConsumer).map(({ name }) => name))
  const known = [...roles].join(', ')

  for (const [index, channel] of schema.channels.entries()) {
    const place = `schema.channels.${index}`
    const [first, second] = channel.pair
    if (channel.pair.length !== 2) note(`${place}.pair`, 'TAG_PAIR_LENGTH', { count: channel.pair.length })
    for (const role of channel.pair) if (!roles.has(role)) note(`${place}.pair`, 'TAG_ROLE_UNKNOWN', { role, known })
    for (const role of Object.keys(channel.funcTags ?? {}))
      funcTagFault(channel, role, `${place}.funcTags.${role}`, roles, note)
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
  for (const [index, { name, isDataConsumer, replica = 1 }] of schema.roles.entries()) {
    const place = `schema.roles.${index}`
    const reason = replica > 1 && singleBecause(schema, name, isDataConsumer)
    if (reason) note(`${place}.replica`, 'TAG_REPLICA', { role: name, replica, reason })
    if (codeFolders && !codeFolders.includes(name)) note(place, 'TAG_CODE_MISSING', { role: name })
    if (!isJoined(schema, name, isDataConsumer)) note(place, 'TAG_ROLE_ISOLATED', { role: name })
    else if (isDataConsumer && !reachesAggregation(schema, name, consumers))
      note(place, 'TAG_DATA_CONSUMER_CUT_OFF', { role: name })
  }
}

/** Why there can be no replicas of a role, if so. */
function singleBecause({ channels }: Schema, role: string, isDataConsumer = false): string | undefined {
  if (isDataConsumer) return 'a data consumer has one task for each dataset'
  const tags = channels.flatMap(({ funcTags = {} }) => funcTags[role] ?? [])
  return tags.some((tag) => tag.startsWith('coordinateWith')) ? 'a coordinator is alone' : undefined
}

function nameFaults(place: string, named: readonly { readonly name: string }[], note: NoteFault): void {
  const seen = new Set<string>()
  for (const [index, { name }] of named.entries()) {
    if (!wellFormed.test(name)) note(`${place}.${index}.name`, 'TAG_NAME_INVALID', { name: JSON.stringify(name) })
    if (seen.has(name)) note(`${place}.${index}.name`, 'TAG_NAME_TAKEN', { name })
    seen.add(name)
  }
}

function funcTagFault(
  { name, pair }: SchemaChannel,
  role: string,
  place: string,
  roles: ReadonlySet<string>,
  note: NoteFault,
): void {
  if (!roles.has(role)) note(place, 'TAG_ROLE_UNKNOWN', { role, known: [...roles].join(', ') })
  else if (!pair.includes(role)) note(place, 'TAG_CHANNEL_NOT_JOINED', { role, channel: name })
}

/** To another role; for a data consumer a ring of its own is enough. */
function isJoined({ channels }: Schema, role: string, isDataConsumer = false): boolean {
  return channels.some(
    (channel) => channel.pair.includes(role) && (isDataConsumer || otherRole(channel, role) !== role),
  )
}

/** A way over channels to a role that is no data consumer, or a channel among peers. */
function reachesAggregation({ channels }: Schema, from: string, consumers: ReadonlySet<string>): boolean {
  const seen = new Set([from])
  for (const role of seen) {
    for (const channel of channels.filter(({ pair }) => pair.includes(role))) {
      const other = otherRole(channel, role)
      if (!consumers.has(other) || other === role) return true
      seen.add(other)
    }
  }
  return false
}
