import { channelsByRole } from './channels.ts'
import { type FaultCode, faultError, shortName, tagError } from './errors.ts'
import type { SchemaChannel } from './schema.ts'
import type { Topology } from './topology.ts'
import { countFaults } from './validate-counts.ts'
import { datasetFaults } from './validate-datasets.ts'
import { groupFaults } from './validate-groups.ts'
import { shapeFaults } from './validate-shape.ts'

/** Something wrong with a topology, and where. */
export interface Fault {
  readonly code: FaultCode
  /** Path into the schema or the dataSpec, such as `schema.channels.1.pair`. */
  readonly place: string
  readonly message: string
  readonly hint: string
}

/** Notes a fault, or that there are so many of its kind, which are only counted. */
export type NoteFault = (
  place: string,
  code: FaultCode,
  values?: Readonly<Record<string, unknown>>,
  times?: number,
) => void

/** What is known outside of the topology. What is absent isn't checked. */
export interface TopologyFacts {
  readonly datasets?: ReadonlyMap<string, { readonly dataFormat: string }>
  readonly codeFolders?: readonly string[]
  readonly backends?: readonly string[]
  /** How many tasks the topology may have. */
  readonly mostTasks?: number
  /** Its datasets are said later: what lacks of them is no fault. */
  readonly datasetsFollow?: boolean
}

/** What the checks share: how the schema hangs together, and which roles have a fault that others would follow from. */
export interface Findings {
  readonly joined: (role: string) => readonly SchemaChannel[]
  /** Roles whose groups or datasets are at fault: which groups they are in isn't known. */
  readonly unplaced: Set<string>
  /** Whether a fault that is noted now will be listed. */
  readonly listsMore: () => boolean
}

/** Faults that are listed; of those beyond, the number is told. */
export const mostFaults = 100

/**
 * The faults of a topology, each with its place; none: it can be expanded. What only follows from another fault isn't among
 * them. At most 100 are listed; `count` says how many there are.
 */
export function findFaults(
  topology: Topology,
  facts: TopologyFacts = {},
): { readonly faults: Fault[]; readonly count: number } {
  const faults: Fault[] = []
  let count = 0
  const listsMore = () => count < mostFaults
  const note: NoteFault = (place, code, values = {}, times = 1) => {
    const isListed = listsMore()
    count += times
    if (!isListed) return
    const { message, hint } = faultError(code, shortened(values))
    faults.push({ code, place: shortName(place), message, hint })
  }
  const findings: Findings = { joined: channelsByRole(topology.schema), unplaced: new Set(), listsMore }
  shapeFaults(topology, facts, findings, note)
  groupFaults(topology, findings, note)
  datasetFaults(topology, facts, findings, note)
  countFaults(topology, facts, findings, note)
  return { faults, count }
}

/** Names in it are as long as whoever sent them likes; lists of them are short already. */
function shortened(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(values).map(([name, value]) => {
    return [
      name,
      typeof value === 'string' && name !== 'known' && name !== 'formats' ? shortName(value) : value,
    ] as const
  })
  return Object.fromEntries(entries)
}

/** The faults of a topology, at most 100. */
export function validateTopology(topology: Topology, facts: TopologyFacts = {}): Fault[] {
  return findFaults(topology, facts).faults
}

/** Throws TAG_INVALID with the faults, if there is any. */
export function assertValid(topology: Topology, facts?: TopologyFacts): void {
  const { faults, count } = findFaults(topology, facts)
  if (count === 0) return
  const lines = faults.map(({ place, code, message }) => `  ${place}: ${code} ${message}`)
  if (count > faults.length) lines.push(`  and ${count - faults.length} more`)
  throw tagError('TAG_INVALID', { count, list: lines.join('\n'), faults })
}
