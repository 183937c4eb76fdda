import {
  channelsByRole,
  countOf,
  datasetOf,
  expand,
  funcTagsOf,
  type RoleTask,
  roleTasksOf,
  type Schema,
  type SchemaRole,
  type Topology,
  tasksOf,
  type Workload,
} from '../../sdk/index.ts'
import { simulationError } from '../errors.ts'
import type { DeviceRange } from './device-population.ts'

/** A group of devices below one aggregator. */
export interface DeviceGroup extends DeviceRange {
  /** The task of the group's devices, with the end of its first one. */
  readonly task: RoleTask
  /** The end of the group's aggregator. */
  readonly aggregator: string
}

interface AggregatorTask extends RoleTask {
  /** The role's name in the schema. */
  readonly roleName: string
}

/** The tasks of a fleet, with one task for all devices of a group. */
export interface FleetPlan {
  readonly schema: Schema
  /** The devices' role. */
  readonly role: string
  readonly devices: number
  readonly groups: readonly DeviceGroup[]
  readonly aggregators: readonly AggregatorTask[]
  /** The end of the aggregator at the top. */
  readonly top: string
  /** The devices below an aggregator. */
  rangeOf(end: string): DeviceRange | undefined
}

/** Func tags of the channels that a fleet knows. */
const known = new Set(['distribute', 'aggregate', 'fetch', 'upload'])

/**
 * Plans the tasks of a fleet: those of the aggregators, and one for each group of devices. A fleet may be a tree of
 * aggregators, with one at the top, whose lowest have a group of devices each.
 *
 * @throws SIMULATION_TOPOLOGY for another topology.
 */
export function fleetPlan(
  { schema, dataSpec }: Topology,
  { name, roles = {} }: Pick<Workload, 'name' | 'roles'>,
): FleetPlan {
  const refused = (reason: string) => simulationError('SIMULATION_TOPOLOGY', { name, topology: schema.name, reason })
  const own = Object.keys(roles)
  if (own.length > 0) throw refused(`the workload has roles of its own, ${own.join(', ')}`)
  const joined = channelsByRole(schema)
  for (const { name: role } of schema.roles)
    for (const channel of joined(role)) {
      const foreign = funcTagsOf(channel, role).find((tag) => !known.has(tag))
      if (foreign !== undefined) throw refused(`${role} has a channel with the tag ${foreign}`)
    }
  const consumers = schema.roles.filter(({ isDataConsumer }) => isDataConsumer)
  const [consumer] = consumers
  if (!consumer || consumers.length > 1) throw refused('not one role alone holds data')
  if (joined(consumer.name).length !== 1) throw refused(`${consumer.name} has more channels than one`)

  const sizes = groupSizes({ schema, dataSpec }, consumer, refused)
  // One dataset stands for all of a group.
  const datasetGroups = Object.fromEntries(sizes.map(([group]) => [group, ['0']]))
  const few = expand({ schema, dataSpec: [{ role: consumer.name, datasetGroups }] }, { jobId: name, newKey: () => '' })
  const tasks = roleTasksOf({ schema, tasks: few })
  const withData = tasks.filter(({ client }) => client !== undefined)
  const roleNames = new Map(few.map(({ end, role }) => [end, role] as const))
  const aggregators = tasks
    .filter(({ client }) => client === undefined)
    .map((task) => ({ ...task, roleName: roleNames.get(task.end) ?? task.role.name }))
  const tops = aggregators.filter(({ channels }) => channels.every(({ funcTags }) => !funcTags.includes('upload')))
  const [top] = tops
  if (!top || tops.length > 1) throw refused(`${tops.length} aggregators are at the top`)
  let first = 0
  const groups = sizes.map(([group, size], index): DeviceGroup => {
    const task = withData[index]
    const above = [...(task?.channels[0]?.expected ?? [])]
    const [aggregator] = above
    if (!task || aggregator === undefined || above.length > 1)
      throw refused(`${above.length} aggregators are above the devices of ${group}`)
    const range = { first, end: first + size }
    first += size
    return { task, aggregator, ...range }
  })
  const ranges = rangesOf(aggregators, groups)
  const parted = aggregators.find(({ end }) => !ranges.has(end))
  if (parted) throw refused(`the devices below ${parted.end} have no numbers one after the other`)
  const rangeOf = (end: string) => ranges.get(end)
  return { schema, role: consumer.name, devices: first, groups, aggregators, top: top.end, rangeOf }
}

/** By aggregator: the devices below it, where their numbers follow each other. */
function rangesOf(aggregators: readonly RoleTask[], groups: readonly DeviceGroup[]): ReadonlyMap<string, DeviceRange> {
  const ranges = new Map<string, DeviceRange>(groups.map((group) => [group.aggregator, group]))
  for (let before = -1; before < ranges.size; ) {
    before = ranges.size
    for (const { end, channels } of aggregators) {
      const children = channels.filter(({ funcTags }) => funcTags.includes('distribute'))
      const below = children.flatMap(({ expected }) => [...expected].map((child) => ranges.get(child)))
      const known = below.flatMap((range) => (range ? [range] : [])).toSorted((a, b) => a.first - b.first)
      const [first] = known
      if (ranges.has(end) || !first || known.length < below.length) continue
      const last = known.at(-1) ?? first
      if (known.every((range, index) => index === 0 || range.first === known[index - 1]?.end))
        ranges.set(end, { first: first.first, end: last.end })
    }
  }
  return ranges
}

/** The sizes of the groups of devices, in the order of their names. Device i has dataset i. */
function groupSizes(
  { dataSpec }: Topology,
  consumer: SchemaRole,
  refused: (reason: string) => Error,
): readonly (readonly [group: string, size: number])[] {
  const groups = new Map<string, Topology['dataSpec'][number]['datasetGroups'][string]>()
  for (const { role, datasetGroups } of dataSpec)
    for (const [group, entries] of Object.entries(datasetGroups))
      if (role === consumer.name) groups.set(group, [...(groups.get(group) ?? []), ...entries])
  const sorted = [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1))
  let device = 0
  for (const [group, entries] of sorted)
    for (const entry of entries) {
      if (typeof entry === 'string' && datasetOf(entry) !== String(device))
        throw refused(`device ${device} of ${group} has the dataset ${entry}`)
      device += countOf(entry)
    }
  return sorted.flatMap(([group, entries]) => {
    const size = tasksOf(entries)
    return size === 0 ? [] : [[group, size] as const]
  })
}
