import { type FaultCode, faultError, tagError } from './errors.ts'
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

/** Notes a fault. */
export type NoteFault = (place: string, code: FaultCode, values?: Readonly<Record<string, unknown>>) => void

/** What is known outside of the topology. What is absent isn't checked. */
export interface TopologyFacts {
  readonly datasets?: ReadonlyMap<string, { readonly dataFormat: string }>
  readonly codeFolders?: readonly string[]
  readonly backends?: readonly string[]
  /** How many tasks the topology may have. */
  readonly mostTasks?: number
}

/** Every fault of a topology, each with its place. None: it can be expanded. */
export function validateTopology(topology: Topology, facts: TopologyFacts = {}): Fault[] {
  const faults: Fault[] = []
  const note: NoteFault = (place, code, values = {}) => {
    const { message, hint } = faultError(code, values)
    faults.push({ code, place, message, hint })
  }
  shapeFaults(topology, facts, note)
  groupFaults(topology, note)
  datasetFaults(topology, facts, note)
  countFaults(topology, facts, note)
  return faults
}

/** Throws TAG_INVALID with every fault, if there is any. */
export function assertValid(topology: Topology, facts?: TopologyFacts): void {
  const faults = validateTopology(topology, facts)
  if (faults.length === 0) return
  const list = faults.map(({ place, code, message }) => `  ${place}: ${code} ${message}`).join('\n')
  throw tagError('TAG_INVALID', { count: faults.length, list, faults })
}
