import { knownNames } from '../../../runtime/index.ts'
import { allSelector, fedAvg, fedProx, randomSelector, type Selector, type Strategy } from '../../../sdk/index.ts'
import type { PlacedFault } from '../../model/errors.ts'
import type { Algorithm, ModelSpec } from '../../model/job.ts'
import { controllerError } from '../errors.ts'

type Change = (strategy: Strategy, kwargs: Readonly<Record<string, unknown>>) => Strategy

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
    default: (strategy) => ({ ...strategy, selector: allSelector() }),
    random: (strategy, { k }) => ({ ...strategy, selector: countSelector(numberOf('random', 'k', k)) }),
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
  strategy: Strategy,
  { optimizer, selector, datasampler, privacy }: ModelSpec = {},
): Strategy {
  const optimized = changed('optimizer', optimizer, strategy)
  const selecting = changed('selector', selector, optimized)
  return changed('privacy', privacy, changed('datasampler', datasampler, selecting))
}

function changed(kind: keyof typeof changes, algorithm: Algorithm | undefined, strategy: Strategy): Strategy {
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

function withOptimizer(strategy: Strategy, { name, optimizer, localTerms }: Strategy): Strategy {
  return { ...strategy, name, optimizer, localTerms }
}

/** So many ends at random, or all if there are fewer. */
function countSelector(count: number): Selector {
  return {
    select(ends, random) {
      if (ends.length <= count) return ends
      return randomSelector({ fraction: count / ends.length }).select(ends, random)
    },
  }
}

function numberOf(sort: string, name: string, value: unknown): number {
  if (typeof value === 'number') return value
  throw controllerError('JOB_ALGORITHM_SETTING', { sort, name })
}
