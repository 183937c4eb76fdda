import type { Settings } from '../../../sdk/index.ts'
import { runJob } from '../../../simulations/index.ts'
import type { TrialJob } from './study.ts'

/** A job that has run to its end. */
export interface Trained {
  /** A metric of each round. */
  curve(metric: string): readonly number[]
  /** A metric of the last round. */
  last(metric: string): number
  /** Weights of the last round. */
  readonly weights: Float32Array
  readonly rounds: number
}

/** Runs a job in this program. Throws its cause if it fails. */
export async function trained<S extends Settings>({ workload, ...options }: TrialJob<S>): Promise<Trained> {
  const run = await runJob(workload, { ...options, keep: { last: 1 } })
  const { state, cause, history } = await run.result
  const last = history.at(-1)
  if (state !== 'completed' || !last) throw cause ?? new Error(`the job has ${history.length} rounds and is ${state}`)
  const curve = (metric: string) => history.map(({ metrics }) => metrics[metric] ?? Number.NaN)
  return {
    curve,
    last: (metric) => last.metrics[metric] ?? Number.NaN,
    weights: await last.weights(),
    rounds: history.length,
  }
}
