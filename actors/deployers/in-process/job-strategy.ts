import { knownNames } from '../../../runtime/index.ts'
import { type Algorithm, allSelector, drawn, fedAvg, fedProx, type Selector } from '../../../sdk/index.ts'
import type { PlacedFault } from '../../model/errors.ts'
import type { ModelSpec, Algorithm as NamedAlgorithm } from '../../model/job.ts'
import { controllerError } from '../errors.ts'

type Change = (strategy: Algorithm, kwargs: Readonly<Record<string, unknown>>) => Algorithm

const unchanged: Change = (strategy) => strategy

/** What each algorithm that a job may name makes of its workload's strategy. */
const changes: Readonly<
  Record<'optimizer' | 'selector' | 'datasampler' | 'privacy', Readonly<Record<string, Change>>>
> = {
  optimizer: {
    default: unchanged,
    fedavg: (strategy) => withOptimizer(strategy, fedAvg()),
    fedprox: (strategy, { mu }) => withOptimizer(strategy, fedProx({ mu: numberOf('fedprox', 'mu', mu) })),
  },
  selector: {
    default: (strategy) => ({ ...strategy, select: allSelector() }),
    random: (strategy, { k }) => ({ ...strategy, select: countSelector(numberOf('random', 'k', k)) }),
  },
  datasampler: { default: unchanged },
  privacy: { default: unchanged },
}

/** The algorithms that a job names and that this process can't run, each with those that it can. */
export function missingAlgorithms(spec: ModelSpec = {}): PlacedFault[] {
  return (['optimizer', 'selector', 'datasampler', 'privacy'] as const).flatMap((kind) => {
    const sort = spec[kind]?.sort
    if (sort === undefined || Object.hasOwn(changes[kind], sort)) return []
    const { code, message, hint } = missing(kind, sort)
    return [{ code, place: `modelSpec.${kind}.sort`, message, hint }]
  })
}

/** A workload's strategy with the algorithms that the job names instead. JOB_ALGORITHM_MISSING, JOB_ALGORITHM_SETTING. */
export function strategyOf(
  strategy: Algorithm,
  { optimizer, selector, datasampler, privacy }: ModelSpec = {},
): Algorithm {
  const optimized = changed('optimizer', optimizer, strategy)
  const selecting = changed('selector', selector, optimized)
  return changed('privacy', privacy, changed('datasampler', datasampler, selecting))
}

function changed(kind: keyof typeof changes, algorithm: NamedAlgorithm | undefined, strategy: Algorithm): Algorithm {
  if (!algorithm) return strategy
  const { sort, kwargs = {} } = algorithm
  const known = changes[kind]
  const change = Object.hasOwn(known, sort) ? known[sort] : undefined
  if (!change) throw missing(kind, sort)
  return change(strategy, kwargs)
}

function missing(kind: keyof typeof changes, sort: string) {
  return controllerError('JOB_ALGORITHM_MISSING', { kind, sort, known: knownNames(sort, Object.keys(changes[kind])) })
}

function withOptimizer(strategy: Algorithm, { name, server, client }: Algorithm): Algorithm {
  return { ...strategy, name, server, client }
}

/** This many ends at random, or all where there are fewer. */
function countSelector(count: number): Selector {
  return { select: (ends, random) => drawn(ends, count, random) }
}

function numberOf(sort: string, name: string, value: unknown): number {
  if (typeof value === 'number') return value
  throw controllerError('JOB_ALGORITHM_SETTING', { sort, name })
}
