import { knownNames } from '../../runtime/index.ts'
import { LiveChannel } from '../role/channel/live-channel.ts'
import { type ChannelWiring, wiringBy } from '../role/channel/wiring.ts'
import { roleError } from '../role/errors.ts'
import type { AnyRole } from '../role/role.ts'
import { stockRoles } from '../role/stock/stock-roles.ts'
import {
  channelsByRole,
  funcTagsOf,
  groupsOf as groupsOfChannel,
  type Schema,
  type SchemaChannel,
  withGroups,
} from '../tag/schema.ts'
import { openChannels } from './role-context.ts'
import type { RoleTask } from './role-task.ts'
import type { HostedTask } from './site-protocol.ts'

export interface RoleTaskOptions {
  /** The number of the client whose data a task trains on. Default: the task's index among the tasks with datasets. */
  readonly clientOf?: ((end: string) => number | undefined) | undefined
  /** The workload's own roles, by the names of the schema. An own role takes precedence over a stock role. */
  readonly roles?: Readonly<Record<string, AnyRole>> | undefined
  /** Names the models of a task without data, where `tasks` aren't all tasks of the job. Default: as `partsOf`. */
  readonly partOf?: (task: HostedTask) => string | undefined
}

/**
 * Makes the role tasks of a job: each task with its role, its wired channels and its client.
 *
 * @throws JOB_ROLE_UNKNOWN, JOB_ROLE_MISSING.
 */
export function roleTasksOf(
  { schema, tasks }: { readonly schema: Schema; readonly tasks: readonly HostedTask[] },
  { clientOf = () => undefined, roles = {}, partOf = partsOf({ schema, tasks }) }: RoleTaskOptions = {},
): RoleTask[] {
  const wire = taskChannels({ schema, tasks })
  /** Tasks with the same channels share them, and their role. */
  const found = new Map<readonly ChannelWiring[], { readonly withData: boolean; readonly role: AnyRole }>()
  const roleOf = (task: HostedTask, channels: readonly ChannelWiring[]): AnyRole => {
    const withData = task.dataset !== undefined
    const known = found.get(channels)
    if (known?.withData === withData) return known.role
    const role = roleFor(task.role, withData, tagsOf(channels), roles)
    found.set(channels, { withData, role })
    return role
  }
  let clients = 0
  return tasks.map((task) => {
    const channels = wire(task)
    const role = roleOf(task, channels)
    const part = partOf(task)
    const named = { end: task.end, role, channels, ...(part !== undefined && { part }) }
    if (task.dataset === undefined) return named
    const client = clientOf(task.end) ?? clients
    clients += 1
    return { ...named, client }
  })
}

/** Wires the channels of a job's tasks, as the schema says. Tasks of a role with the same groups share their channels. */
export function taskChannels({
  schema,
  tasks,
}: {
  readonly schema: Schema
  readonly tasks: readonly HostedTask[]
}): (task: HostedTask) => readonly ChannelWiring[] {
  const joined = channelsByRole(schema)
  const channels = new Map(schema.roles.map(({ name }) => [name, withGroups(joined(name))]))
  const joinedBy = ({ role }: HostedTask) => channels.get(role) ?? []
  const wire = wiringBy(tasks, joinedBy)
  const made = new Map<string, readonly ChannelWiring[]>()
  return (task) => {
    const groups = joinedBy(task).map(({ name }) => task.groupAssociation[name])
    const name = JSON.stringify([task.role, ...groups])
    const known = made.get(name) ?? wire(task)
    made.set(name, known)
    return known
  }
}

/**
 * Checks that each role of a schema has a definition.
 *
 * @throws JOB_ROLE_UNKNOWN, JOB_ROLE_MISSING.
 */
export function requireRoles(schema: Schema, own: Readonly<Record<string, AnyRole>> = {}): void {
  const joined = channelsByRole(schema)
  for (const { name, isDataConsumer = false } of schema.roles) {
    const tags = new Set(joined(name).flatMap((channel) => funcTagsOf(channel, name)))
    roleFor(name, isDataConsumer, tags, own)
  }
}

function tagsOf(channels: readonly ChannelWiring[]): ReadonlySet<string> {
  return new Set(channels.flatMap(({ funcTags }) => funcTags))
}

/**
 * Names the models of each topmost aggregator of a role with several tasks: by the task's groups, where these differ
 * for each task, else by its end. Names the model of each of several rings by the ring's group, and the models of ends
 * that gossip, and the parts of a model that the parties of a vertical topology have, by the ends.
 */
export function partsOf({
  schema,
  tasks,
}: {
  readonly schema: Schema
  readonly tasks: readonly HostedTask[]
}): (task: HostedTask) => string | undefined {
  const joined = channelsByRole(schema)
  const rings = new Map(
    schema.roles.flatMap(({ name }) => {
      const [ring] = ringsOnly(joined(name), name)
      return ring && groupsOfChannel(ring).length > 1 ? [[name, ring.name] as const] : []
    }),
  )
  const single = ['gossip', 'gatherActivations', 'sendActivations']
  const ofEachEnd = new Set(
    schema.roles.flatMap(({ name }) =>
      joined(name).some((channel) => single.some((tag) => tagged(name, tag)(channel))) ? [name] : [],
    ),
  )
  const groupsOf = ({ groupAssociation }: HostedTask) => Object.values(groupAssociation).join(' ')
  const counts = new Map<string, { tasks: number; readonly groups: Set<string> }>()
  for (const task of tasks) {
    if (task.dataset !== undefined) continue
    const count = counts.get(task.role) ?? { tasks: 0, groups: new Set() }
    counts.set(task.role, count)
    count.tasks += 1
    count.groups.add(groupsOf(task))
  }
  return (task) => {
    if (ofEachEnd.has(task.role)) return task.end
    const ring = rings.get(task.role)
    if (ring !== undefined) return task.groupAssociation[ring]
    const count = counts.get(task.role)
    if (task.dataset !== undefined || !count || count.tasks < 2) return undefined
    const tags = new Set(joined(task.role).flatMap((channel) => funcTagsOf(channel, task.role)))
    if (!tags.has('aggregate') || tags.has('upload')) return undefined
    return count.groups.size === count.tasks ? groupsOf(task) : task.end
  }
}

/** The rings of a role that has no aggregator. */
function ringsOnly(channels: readonly SchemaChannel[], role: string): readonly SchemaChannel[] {
  return channels.some(tagged(role, 'upload')) ? [] : channels.filter(tagged(role, 'ring_allreduce'))
}

/** Whether a channel has a func tag for a role. */
function tagged(role: string, tag: string): (channel: SchemaChannel) => boolean {
  return (channel) => funcTagsOf(channel, role).includes(tag)
}

/** @throws JOB_CLIENTS where a task trains on a client that the workload has no data for. */
export function requireClients(tasks: readonly RoleTask[], known: number): void {
  const clients = tasks.flatMap(({ client }) => (client === undefined ? [] : [client]))
  const missing = clients.find((client) => !(Number.isInteger(client) && client >= 0 && client < known))
  if (missing !== undefined) throw roleError('JOB_CLIENTS', { clients: clients.length, known, missing })
}

/**
 * Opens the channels that a task's role uses, without sending or receiving.
 *
 * @throws ROLE_CHANNEL_MISSING where no channel of the task fits a use, or several channels do.
 */
export function requireChannels(task: RoleTask): Promise<unknown> {
  const { end } = task
  const ports = task.channels.map(
    (wiring) => new LiveChannel(wiring, { end, announceLeave: () => {}, announceProperty: () => {} }),
  )
  return task.role.runOn({
    async run(role) {
      openChannels(role, task, ports)
    },
  })
}

/**
 * Stock roles by the func tags of all channels of a role, the most specific first. Roles that a coordinator serves are
 * the usual ones, which find its channel by themselves.
 */
const placesByTags: readonly (readonly [stock: string, holdsData: boolean, tags: readonly string[]])[] = [
  ['label-holder', true, ['matchEntities', 'gatherActivations']],
  ['feature-holder', true, ['presentEntities', 'sendActivations']],
  ['gossip-pair-trainer', true, ['gossip', 'gossipPairs']],
  ['gossip-trainer', true, ['gossip']],
  ['split-server', false, ['serveSplit']],
  ['split-trainer', true, ['trainSplit']],
  ['split-aggregator', false, ['distribute', 'aggregate', 'gatherTop']],
  ['hybrid-trainer', true, ['fetch', 'upload', 'ring_allreduce']],
  ['ring-trainer', true, ['ring_allreduce']],
  ['trainer', true, ['fetch', 'upload']],
  ['middle-aggregator', false, ['distribute', 'aggregate', 'fetch', 'upload']],
  ['top-aggregator', false, ['distribute', 'aggregate']],
  ['coordinator', false, ['coordinateWithTopAgg']],
  ['coordinator', false, ['coordinateWithMidAgg']],
  ['coordinator', false, ['coordinateWithLeafAgg']],
  ['coordinator', false, ['coordinateWithTrainer']],
]

/**
 * Finds the definition of a role: the workload's own, else a stock role by func tags, else a stock role by name. The
 * result has the schema's name.
 */
function roleFor(
  name: string,
  holdsData: boolean,
  tags: ReadonlySet<string>,
  own: Readonly<Record<string, AnyRole>>,
): AnyRole {
  const fits = ([, withData, needed]: (typeof placesByTags)[number]) =>
    withData === holdsData && needed.every((tag) => tags.has(tag))
  const stock = placesByTags.find(fits)?.[0] ?? name
  const role = Object.hasOwn(own, name) ? own[name] : Object.hasOwn(stockRoles, stock) ? stockRoles[stock] : undefined
  if (role) return { name, rests: role.rests === true, runOn: (runner) => role.runOn(runner) }
  if (stock !== name || placesByTags.some(([known]) => known === name))
    throw roleError('JOB_ROLE_MISSING', { role: name, stock, tags: [...tags].join(', ') })
  const known = knownNames(name, [...Object.keys(own), ...Object.keys(stockRoles)])
  throw roleError('JOB_ROLE_UNKNOWN', { role: name, known })
}
