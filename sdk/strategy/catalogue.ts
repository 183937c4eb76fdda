import type { Algorithm, Waiting } from './algorithm.ts'
import { fedAdam } from './algorithms/fed-adam.ts'
import { fedAvg } from './algorithms/fed-avg.ts'
import { fedBuff } from './algorithms/fed-buff.ts'
import { fedProx } from './algorithms/fed-prox.ts'
import { krum } from './algorithms/krum.ts'
import { scaffold } from './algorithms/scaffold.ts'
import type { Described, KnownAlgorithm } from './define-algorithm.ts'
import { datasamplersElsewhere, optimizersElsewhere, privacyElsewhere, selectorsElsewhere } from './elsewhere.ts'
import { strategyError } from './errors.ts'
import { allSelector } from './selectors/all-selector.ts'
import { countSelector } from './selectors/random-selector.ts'
import { settingValues } from './settings.ts'

/** Something that a job may name: what it makes of the algorithm that the job has without it. */
export interface Named extends Described {
  /** No role of this system runs it: only the original's own agents do. */
  readonly elsewhere?: true
  apply(algorithm: Algorithm, given: Readonly<Record<string, unknown>>): Algorithm
}

/** The kinds of what a job may name. */
export type Kind = 'optimizer' | 'selector' | 'datasampler' | 'privacy'

const randomSettings = {
  count: { kind: 'whole', least: 1, kwarg: 'k', help: 'how many ends are selected each round' },
} as const

const bufferSettings = {
  concurrency: { kind: 'whole', least: 1, kwarg: 'c', help: 'C: how many ends are at work at a time' },
} as const

/** Every algorithm, by its name as a job's `optimizer`. */
export const algorithms: readonly KnownAlgorithm[] = [fedAvg, fedProx, fedAdam, scaffold, krum, fedBuff]

const selectors: readonly Named[] = [
  {
    name: 'default',
    summary: 'every end takes part in every round',
    settings: {},
    apply: (algorithm) => ({ ...algorithm, select: allSelector() }),
  },
  {
    name: 'random',
    summary: 'a uniformly random subset of the ends',
    settings: randomSettings,
    apply: (algorithm, given) => ({
      ...algorithm,
      select: countSelector(settingValues('random', randomSettings, given)),
    }),
  },
  {
    name: 'fedbuff',
    summary: 'of an asynchronous algorithm: so many ends are at work at a time',
    settings: bufferSettings,
    apply({ waiting, ...algorithm }, given) {
      const values = settingValues('fedbuff', bufferSettings, given)
      if (waiting.kind === 'buffer') return { ...algorithm, waiting: { ...waiting, ...values } }
      const reason = `the selector fedbuff is for algorithms with a buffer, and ${algorithm.name} has none`
      throw strategyError('STRATEGY_MISFIT', { reason })
    },
  },
]

const none: Named = { name: 'default', summary: 'none', settings: {}, apply: (algorithm) => algorithm }
const own: Named = { ...none, summary: "the workload's own" }

/** Everything that a job may name: validation, the command line and the documentation read it. */
export const catalogue: Readonly<Record<Kind, readonly Named[]>> = {
  optimizer: [own, ...algorithms.map(optimizer), ...optimizersElsewhere],
  selector: [...selectors, ...selectorsElsewhere],
  datasampler: [none, ...datasamplersElsewhere],
  privacy: [none, ...privacyElsewhere],
}

export const kinds = ['optimizer', 'selector', 'datasampler', 'privacy'] as const satisfies readonly Kind[]

/** The algorithm takes the place of the workload's, whose selection, waiting and quantum stay unless they are given too. */
function optimizer({ name, summary, settings, source, from }: KnownAlgorithm): Named {
  return {
    name,
    summary,
    settings,
    ...(source === undefined ? {} : { source }),
    apply({ select, waiting, aggregation, clientEvaluation }, given) {
      const names = Object.keys(given)
      const made = from({ quantumBits: aggregation.vectors.delta.quantumBits, ...given })
      return {
        ...(clientEvaluation === undefined || made.waiting.kind === 'buffer' ? {} : { clientEvaluation }),
        ...made,
        select: names.includes('fraction') ? made.select : select,
        waiting: kept(waiting, made.waiting, names),
      }
    },
  }
}

/** The workload's waiting as far as the algorithm can do with it, but for the settings that are given. */
function kept(own: Waiting, made: Waiting, given: readonly string[]): Waiting {
  if (own.kind === 'buffer' || made.kind === 'buffer') return made
  const minimumUpdates = Math.max(own.minimumUpdates, made.minimumUpdates)
  const madeOf = Object.entries(made).filter(([name]) => given.includes(name))
  return { ...own, minimumUpdates, ...Object.fromEntries(madeOf) }
}
