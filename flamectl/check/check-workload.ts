import { assertValid, expand, inlinePool, resolveSettings } from '../../sdk/index.ts'
import { loadWorkload } from '../../sdk/node/index.ts'
import { defaultSeed } from '../run/run-options.ts'

/** What there is to know of a workload before it runs. */
export interface WorkloadSummary {
  readonly workload: string
  readonly settings: object
  /** How many tasks of each role its topology has. */
  readonly tasks: object
  readonly strategy: string
  readonly clients: number
  readonly weights: number
  /** What does the arithmetic of training, and where it isn't the engine, why. */
  readonly trainedBy: string
}

/** Makes every part of a workload once. Throws the coded error of the first that isn't in order. */
export async function checkWorkload(
  path: string,
  overrides: Readonly<Record<string, string>>,
): Promise<WorkloadSummary> {
  const { workload } = await loadWorkload(path)
  const settings = resolveSettings(workload.settings, overrides)
  const topology = workload.topology(settings)
  assertValid(topology)
  const strategy = workload.strategy(settings)
  const pool = await inlinePool(workload, settings, defaultSeed)
  try {
    const tasks: Record<string, number> = {}
    for (const { role } of expand(topology, { jobId: 'check', newKey: () => '' })) tasks[role] = (tasks[role] ?? 0) + 1
    return {
      workload: workload.name,
      settings,
      tasks,
      strategy: strategy.name,
      clients: pool.clients,
      weights: pool.layout.size,
      trainedBy: pool.runsOn ?? "the workload's own learner",
    }
  } finally {
    await pool.close()
  }
}
