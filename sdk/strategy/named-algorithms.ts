import type { CodedError } from '../../runtime/index.ts'
import { knownNames } from '../../runtime/index.ts'
import type { Algorithm, Selector } from './algorithm.ts'
import { fedAvg } from './algorithms/fed-avg.ts'
import { fedProx } from './algorithms/fed-prox.ts'
import { strategyError } from './errors.ts'
import { allSelector } from './selectors/all-selector.ts'
import { drawn } from './selectors/random-selector.ts'

/** An algorithm by its name, with its settings. */
export interface NamedAlgorithm {
  readonly sort: string
  readonly kwargs?: Readonly<Record<string, unknown>>
}

/** The algorithms that a job names; each replaces a part of the workload's strategy. */
export type NamedAlgorithms = Partial<Readonly<Record<AlgorithmKind, NamedAlgorithm>>>
export type AlgorithmKind = (typeof algorithmKinds)[number]

const algorithmKinds = ['optimizer', 'selector', 'datasampler', 'privacy'] as const

type Change = (strategy: Algorithm, kwargs: Readonly<Record<string, unknown>>) => Algorithm

const unchanged: Change = (strategy) => strategy

/** Each algorithm that a job may name, as a change of the workload's strategy. */
const changes: Readonly<Record<AlgorithmKind, Readonly<Record<string, Change>>>> = {
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

/** An error JOB_ALGORITHM_MISSING for each named algorithm that the sdk doesn't have. */
export function unknownAlgorithms(
  named: NamedAlgorithms = {},
): { readonly kind: AlgorithmKind; readonly error: CodedError }[] {
  return algorithmKinds.flatMap((kind) => {
    const sort = named[kind]?.sort
    return sort === undefined || Object.hasOwn(changes[kind], sort) ? [] : [{ kind, error: missing(kind, sort) }]
  })
}

/**
 * A workload's strategy, of which the named algorithms replace parts.
 *
 * @throws JOB_ALGORITHM_MISSING, JOB_ALGORITHM_SETTING.
 */
export function strategyOf(strategy: Algorithm, named: NamedAlgorithms = {}): Algorithm {
  return algorithmKinds.reduce((changed, kind) => {
    const algorithm = named[kind]
    if (!algorithm) return changed
    const { sort, kwargs = {} } = algorithm
    const change = Object.hasOwn(changes[kind], sort) ? changes[kind][sort] : undefined
    if (!change) throw missing(kind, sort)
    return change(changed, kwargs)
  }, strategy)
}

function missing(kind: AlgorithmKind, sort: string): CodedError {
  return strategyError('JOB_ALGORITHM_MISSING', { kind, sort, known: knownNames(sort, Object.keys(changes[kind])) })
}

function withOptimizer(strategy: Algorithm, { name, server, client }: Algorithm): Algorithm {
  return { ...strategy, name, server, client }
}

/** Selects `count` ends at random, or all ends where there are fewer. */
function countSelector(count: number): Selector {
  return { select: (ends, random) => drawn(ends, count, random) }
}

function numberOf(sort: string, name: string, value: unknown): number {
  if (typeof value === 'number') return value
  throw strategyError('JOB_ALGORITHM_SETTING', { sort, name })
}
