import { type FiguresOptions, type FleetFigures, type FleetRound, figuresOf } from '../../simulations/index.ts'
import { beginFleet } from './begin-fleet.ts'
import type { Variant } from './variants.ts'

/** What a comparison asks of each run. */
export type ComparedFigures = Required<Pick<FiguresOptions, 'metric' | 'at' | 'to'>>

/** A finished run of a variant with a seed. */
export interface ComparedRun {
  readonly variant: string
  readonly seed: number
  readonly figures: FleetFigures
  readonly history: readonly FleetRound[]
  readonly realSeconds: number
}

interface ComparisonPlan {
  readonly seeds: number
  /** The first seed. */
  readonly first: number
  readonly workers: number | undefined
  readonly aims: ComparedFigures
  /** Ends the comparison after the runs that are finished. */
  readonly signal: AbortSignal
}

/**
 * Runs each variant with each seed, one after another: all variants with a seed before the next seed, so that a comparison
 * that is stopped has compared all variants.
 */
export async function compareVariants(
  variants: readonly Variant[],
  { seeds, first, workers, aims, signal }: ComparisonPlan,
  onRun: (run: ComparedRun) => void,
): Promise<readonly ComparedRun[]> {
  const runs: ComparedRun[] = []
  for (let seed = first; seed < first + seeds; seed++)
    for (const variant of variants) {
      if (signal.aborted) return runs
      const begunMs = performance.now()
      const fleet = await beginFleet(variant, { seed, ...(workers !== undefined && { workers }) })
      const stop = () => void fleet.stop()
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
      const { state, cause, history } = await fleet.result
      signal.removeEventListener('abort', stop)
      if (state === 'failed') throw cause
      if (state === 'stopped') return runs
      const figures = figuresOf(history, { ...aims, until: fleet.now })
      const realSeconds = (performance.now() - begunMs) / 1000
      const run = { variant: variant.name, seed, figures, history, realSeconds }
      runs.push(run)
      onRun(run)
    }
  return runs
}
