import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { associationOf, associationsOf, channelsOf } from './channels.ts'
import type { GroupAssociation, SchemaRole } from './schema.ts'
import type { Task } from './task.ts'
import type { Topology } from './topology.ts'

export interface ExpansionOptions {
  readonly jobId: string
  /** A fresh secret of 32 characters at each call. */
  readonly newKey: () => string
  /** The compute on which a dataset may be used. Default: any. */
  readonly computeOf?: (dataset: string) => string
}

/** Where what is no data consumer, or has a dataset that may be used anywhere, is deployed. */
const defaultCompute = 'default'

type Placement = Pick<Task, 'groupAssociation' | 'replica' | 'computeId' | 'dataset'>

/**
 * Expands a valid topology into tasks: roles in alphabetical order; for each replica and group association of a role one
 * task; for a data consumer one task for each dataset, its groups in alphabetical order. The same input gives the same ids.
 */
export function expand(
  topology: Topology,
  { jobId, newKey, computeOf = () => defaultCompute }: ExpansionOptions,
): Task[] {
  const { schema, dataSpec } = topology
  const tasks: Task[] = []
  for (const role of schema.roles.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const associations = associationsOf(schema, role)
    const channels = channelsOf(schema, role.name)
    const config = JSON.stringify([role.name, channels])
    const placements = role.isDataConsumer
      ? datasetPlacements(role, associations, dataSpec, computeOf)
      : replicaPlacements(role, associations)
    let place = 0
    for (const placement of placements) {
      const digest = sha256(utf8ToBytes(JSON.stringify([jobId, tasks.length, config, placement])))
      tasks.push({
        taskId: bytesToHex(digest).slice(0, 40),
        end: `${role.name}-${place++}`,
        role: role.name,
        channels,
        key: newKey(),
        ...placement,
      })
    }
  }
  return tasks
}

function* replicaPlacements(
  { replica = 1 }: SchemaRole,
  associations: readonly GroupAssociation[],
): Generator<Placement> {
  for (let index = 0; index < Math.max(1, replica); index++) {
    for (const groupAssociation of associations) yield { groupAssociation, replica: index, computeId: defaultCompute }
  }
}

function* datasetPlacements(
  { name }: SchemaRole,
  associations: readonly GroupAssociation[],
  dataSpec: Topology['dataSpec'],
  computeOf: (dataset: string) => string,
): Generator<Placement> {
  const groups = dataSpec
    .filter(({ role }) => role === name)
    .flatMap(({ datasetGroups }) => Object.entries(datasetGroups))
  for (const [group, datasets] of groups.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const groupAssociation = associationOf(associations, group) ?? {}
    for (const dataset of datasets) yield { groupAssociation, replica: 0, computeId: computeOf(dataset), dataset }
  }
}
