import { availableParallelism } from 'node:os'
import type { Settings } from '../../role/role.ts'
import type { LoadedWorkload } from '../../workload/load/load-workload.ts'
import { inlinePool } from '../inline-pool.ts'
import type { TrainingPool } from '../training-pool.ts'
import { workerPool } from './worker-pool.ts'

/** What a job's training pool is made for. */
export interface TrainingPlan extends LoadedWorkload {
  readonly seed: number
  readonly settings: Settings
  /** Threads that train. 0: this one. */
  readonly workers: number
}

/** Threads that train where nothing else is said: one a core, at most 8. */
export function defaultWorkers(): number {
  return Math.min(8, availableParallelism())
}

/** Starts what trains a job's clients. Rejects with what its workload throws. */
export function poolFor({ workload, bundle, settings, seed, workers }: TrainingPlan): Promise<TrainingPool> {
  return workers === 0 ? inlinePool(workload, settings, seed) : workerPool({ module: bundle, settings, seed, workers })
}
