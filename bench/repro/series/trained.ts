import type { Settings, Workload } from '../../../sdk/index.ts'
import { type RunJobOptions, runJob } from '../../../simulations/index.ts'

/** A job of a trial. */
interface TrialJob<S extends Settings> extends Pick<RunJobOptions<S>, 'settings' | 'algorithms' | 'data'> {
  /** A workload object is trained in this thread, a module in threads. */
  readonly workload: Workload<S> | URL
  readonly seed: number
  /** Whether a round's metrics end the job before its last round. */
  readonly until?: (metrics: Readonly<Record<string, number>>) => boolean
}

/** A job that has run to its end. */
export interface Trained {
  /** A metric, of each round that has the metric. */
  curve(metric: string): readonly number[]
  /** The same, of the last round that has the metric. */
  last(metric: string): number
  /** Weights of the last round; of a job with several models a round, those of a part. */
  weightsOf(part?: string): Promise<Float32Array>
  readonly rounds: number
}

/** Runs a job in this program. Throws its cause if it fails. */
export async function trained<S extends Settings>({
  workload,
  until = () => false,
  ...options
}: TrialJob<S>): Promise<Trained> {
  const run = await runJob(workload, { ...options, keep: { last: 1 } })
  for await (const { metrics } of run) if (until(metrics)) await run.stop()
  const { state, cause, history } = await run.result
  if (state === 'failed') throw cause ?? new Error(`the job is ${state}`)
  const curve = (metric: string) => history.flatMap(({ metrics: { [metric]: value } }) => value ?? [])
  return {
    curve,
    last: (metric) => curve(metric).at(-1) ?? Number.NaN,
    async weightsOf(part) {
      const last = history.findLast((round) => round.part === part)
      if (!last) throw new Error(`the job has no model ${part}`)
      return last.weights()
    },
    rounds: Math.max(...history.map(({ round }) => round)),
  }
}
