import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import {
  associationsByGroup,
  channelsByRole,
  type GroupAssociation,
  impliedGroups,
  type SchemaChannel,
  type SchemaRole,
  withGroups,
  writtenAssociations,
} from './schema.ts'
import { countOf, type DatasetEntry, datasetOf, type Topology } from './topology.ts'

export interface ExpansionOptions {
  readonly jobId: string
  /** Makes a new secret of 32 characters. */
  readonly newKey: () => string
  /** The compute on which a dataset may be used. Default: any compute. */
  readonly computeOf?: (dataset: string) => string
}

/** The compute for tasks without a dataset, and for datasets that may be used on any compute. */
export const defaultCompute = 'default'

type Placement = Pick<Task, 'groupAssociation' | 'replica' | 'computeId' | 'dataset'>

/**
 * Expands a valid topology into tasks, with roles in alphabetical order. A role has one task for each replica and group
 * association; a data consumer has one task for each dataset, its groups in alphabetical order. The same input gives
 * the same ids.
 */
export function expand(topology: Topology, options: ExpansionOptions): Task[] {
  return [...expansion(topology, options)]
}

/** As `expand`, but makes each task when it's taken, since there may be many. */
export function* expansion(
  topology: Topology,
  { jobId, newKey, computeOf = () => defaultCompute }: ExpansionOptions,
): Generator<Task> {
  let index = 0
  for (const { end, role, channels, config, placement } of placedEnds(topology, computeOf)) {
    const taskId = digestOf([jobId, index++, config, placement]).slice(0, 40)
    yield { taskId, end, role, channels, key: newKey(), ...placement }
  }
}

/** Yields the ends of a topology's tasks with their datasets, in the order of the expansion, without the cost of ids. */
export function* endsOf(topology: Topology): Generator<Pick<Task, 'end' | 'role' | 'dataset'>> {
  for (const { end, role, placement } of placedEnds(topology, () => defaultCompute))
    yield { end, role, ...(placement.dataset !== undefined && { dataset: placement.dataset }) }
}

interface PlacedEnd extends Pick<Task, 'end' | 'role' | 'channels'> {
  /** Digest of the role and its channels. */
  readonly config: string
  readonly placement: Placement
}

function* placedEnds({ schema, dataSpec }: Topology, computeOf: (dataset: string) => string): Generator<PlacedEnd> {
  const joined = channelsByRole(schema)
  const groupsOfRole = datasetsByRole(dataSpec)
  for (const role of schema.roles.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const channels = withGroups(joined(role.name))
    const implied = impliedGroups(channels)
    const config = digestOf([role.name, channels])
    const placements = role.isDataConsumer
      ? datasetPlacements(role, implied, groupsOfRole.get(role.name) ?? [], computeOf)
      : replicaPlacements(role, implied)
    let place = 0
    for (const placement of placements)
      yield { end: `${role.name}-${place++}`, role: role.name, channels, config, placement }
  }
}

type GroupDatasets = readonly [group: string, datasets: readonly DatasetEntry[]]

function datasetsByRole(dataSpec: Topology['dataSpec']): ReadonlyMap<string, readonly GroupDatasets[]> {
  const byRole = new Map<string, GroupDatasets[]>()
  for (const { role, datasetGroups } of dataSpec) {
    const groups = byRole.get(role) ?? []
    byRole.set(role, groups)
    for (const entry of Object.entries(datasetGroups)) groups.push(entry)
  }
  return byRole
}

function digestOf(value: unknown): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(value))))
}

function* replicaPlacements(role: SchemaRole, implied: GroupAssociation): Generator<Placement> {
  for (let index = 0; index < Math.max(1, role.replica ?? 1); index++) {
    for (const written of writtenAssociations(role))
      yield { groupAssociation: completed(written, implied), replica: index, computeId: defaultCompute }
  }
}

/** Written groups come first, since a task's id depends on the order. */
function completed(written: GroupAssociation, implied: GroupAssociation): GroupAssociation {
  return { ...written, ...implied, ...written }
}

function* datasetPlacements(
  role: SchemaRole,
  implied: GroupAssociation,
  groups: readonly GroupDatasets[],
  computeOf: (dataset: string) => string,
): Generator<Placement> {
  const byGroup = associationsByGroup(role, implied)
  for (const [group, entries] of groups.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const groupAssociation = completed(byGroup.get(group) ?? {}, implied)
    for (const entry of entries) {
      const dataset = datasetOf(entry)
      const placement = { groupAssociation, replica: 0, computeId: computeOf(dataset), dataset }
      for (let left = countOf(entry); left > 0; left--) yield placement
    }
  }
}

/** One worker of a job. */
export interface Task {
  /** Digest of job, index, config and placement: the same for the same input. */
  readonly taskId: string
  /** The task's name on channels: its role, and its index among the role's tasks, such as `trainer-17`. */
  readonly end: string
  readonly role: string
  readonly groupAssociation: GroupAssociation
  /** The channels that the task joins, with `groupBy` filled in. */
  readonly channels: readonly SchemaChannel[]
  /** The dataset's id. Only for data consumers. */
  readonly dataset?: string
  readonly computeId: string
  readonly replica: number
  /** A secret of 32 random characters. */
  readonly key: string
}
