import { decodeModel, designSchema } from '../../actors/index.ts'
import { mostTasks } from '../../actors/model/index.ts'
import {
  choicesOf,
  chosenAlgorithm,
  defaultSeed,
  expand,
  type GivenDatasets,
  requireChannels,
  requireClients,
  resolveSettings,
  roleTasksOf,
  type Settings,
  trial,
  validTopology,
} from '../../sdk/index.ts'
import { loadWorkload } from '../../sdk/node/index.ts'
import type { GivenSettings } from '../files/json-files.ts'

/** Facts about a workload before it runs. */
interface WorkloadSummary {
  readonly workload: string
  readonly settings: object
  /** The number of tasks of the topology, by role. */
  readonly tasks: object
  readonly strategy: string
  readonly clients: number
  /** The number of clients whose labels and shapes were checked. */
  readonly clientsChecked: number
  readonly weights: number
  /** The software that trains, and the reason if it isn't the engine. */
  readonly trainedBy: string
  /** Remarks on how the model is trained, each a sentence. */
  readonly remarks: readonly string[]
}

/**
 * Makes every part of a workload, trains a batch of one client and evaluates a batch, as a job does. Throws the coded error of
 * the first faulty part.
 */
export async function checkWorkload(
  path: string,
  { overrides, choices }: GivenSettings,
  given?: GivenDatasets,
): Promise<WorkloadSummary> {
  const loaded = await loadWorkload(path)
  const chosen = choicesOf(choices)
  const workload = {
    ...loaded.workload,
    strategy: (given: Settings) => chosenAlgorithm(loaded.workload.strategy(given), chosen),
  }
  const settings = resolveSettings(workload.settings, overrides)
  const topology = validTopology(loaded.workload, settings, chosen, { mostTasks })
  const schema = decodeModel(designSchema, topology.schema)
  const expanded = expand(topology, { jobId: 'check', newKey: () => '' })
  const datasets = new Map(expanded.map(({ end, dataset }) => [end, Number(dataset)]))
  const roleTasks = roleTasksOf(
    { schema, tasks: expanded },
    {
      clientOf: (end) => datasets.get(end),
      roles: workload.roles,
    },
  )
  await requireOneOfEach(roleTasks)
  const tried = await trial(workload, settings, defaultSeed, given)
  requireClients(roleTasks, tried.clients)
  const tasks: Record<string, number> = {}
  for (const { role } of expanded) tasks[role] = (tasks[role] ?? 0) + 1
  return {
    workload: workload.name,
    settings,
    tasks,
    strategy: workload.strategy(settings).name,
    clients: tried.clients,
    clientsChecked: tried.clientsChecked,
    weights: tried.layout.size,
    trainedBy: tried.runsOn ?? "the workload's own learner",
    remarks: tried.remarks ?? [],
  }
}

/** Checks the channels of one task of each role: all tasks of a role have the same channels. */
async function requireOneOfEach(tasks: ReturnType<typeof roleTasksOf>): Promise<void> {
  for (const task of new Map(tasks.map((each) => [each.role.name, each])).values()) await requireChannels(task)
}
