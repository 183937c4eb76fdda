import type { Settings } from '../role/role.ts'
import { requireSplitSettings } from '../role/stock/split-plan.ts'
import { type Choices, chosenAlgorithm } from '../strategy/chosen-algorithm.ts'
import { fewestTrainers, requireTopology, requireUpdates, splitsModel } from '../strategy/fitting-algorithm.ts'
import type { TopologyFacts } from '../tag/errors.ts'
import { expansion } from '../tag/expand.ts'
import type { Topology } from '../tag/topology.ts'
import { assertValid } from '../tag/validate.ts'
import type { Workload } from '../workload/workload.ts'
import { requireRoles } from './role-tasks.ts'

/**
 * Makes the topology of a workload for these settings, and checks the topology, its roles and its algorithm.
 *
 * @throws as `assertValid`, `requireRoles`, `requireSplitSettings`, `chosenAlgorithm`, `requireTopology` and
 *   `requireUpdates` do.
 */
export function validTopology(
  workload: Workload,
  settings: Settings,
  algorithms: Choices = {},
  facts: TopologyFacts = {},
): Topology {
  const topology = workload.topology(settings)
  assertValid(topology, facts)
  requireRoles(topology.schema, workload.roles)
  if (splitsModel(topology.schema)) requireSplitSettings(settings)
  const strategy = chosenAlgorithm(workload.strategy(settings), algorithms)
  requireTopology(strategy, topology.schema)
  requireUpdates(strategy, topology.schema, () =>
    fewestTrainers(topology.schema, [...expansion(topology, { jobId: '', newKey: () => '' })]),
  )
  return topology
}
