import { decodeModel, designSchema } from '../../actors/index.ts'
import { mostTasks } from '../../actors/model/index.ts'
import {
  choicesOf,
  chosenAlgorithm,
  defaultSeed,
  expand,
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

/** What there is to know of a workload before it runs. */
interface WorkloadSummary {
  readonly workload: string
  readonly settings: object
  /** How many tasks of each role its topology has. */
  readonly tasks: object
  readonly strategy: string
  readonly clients: number
  /** Clients whose labels and shapes were looked at. */
  readonly clientsChecked: number
  readonly weights: number
  /** What does the arithmetic of training, and where it isn't the engine, why. */
  readonly trainedBy: string
  /** What else to know of how the model is trained, each in a sentence. */
  readonly remarks: readonly string[]
}

/**
 * Makes every part of a workload, trains a batch of one client and evaluates one: as a job does, and without one. Throws the
 * coded error of the first part that isn't in order.
 */
export async function checkWorkload(path: string, { overrides, choices }: GivenSettings): Promise<WorkloadSummary> {
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
  const tried = await trial(workload, settings, defaultSeed)
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

/** The channels of one task of each role: they are alike. */
async function requireOneOfEach(tasks: ReturnType<typeof roleTasksOf>): Promise<void> {
  for (const task of new Map(tasks.map((each) => [each.role.name, each])).values()) await requireChannels(task)
}
