import type { Algorithm, ClientPart, Selector } from '../algorithm.ts'
import type { Described } from '../define-algorithm.ts'
import { strategyError } from '../errors.ts'
import { settingValues } from '../settings.ts'
import { askedPowerOfChoice, stratifiedSelector, tellLoss, tellStratum } from './asking-selectors.ts'
import { deadlineSelector } from './deadline-selector.ts'
import { oortSelector, statisticalUtility, utilityMetric } from './oort-selector.ts'
import { countSelector } from './random-selector.ts'
import { fairSelector, powerOfChoice, samplesSelector, tierSelector } from './remembering-selectors.ts'

/** An entry of the catalogue: gives an algorithm another selection. */
interface SelectorEntry extends Described {
  apply(algorithm: Algorithm, given: Readonly<Record<string, unknown>>): Algorithm
}

const count = { kind: 'whole', least: 1, kwarg: 'k', help: 'number of ends that are selected for each round' } as const

const powerSettings = {
  count,
  candidates: { kind: 'whole', least: 1, kwarg: 'd', help: 'd: number of candidates, at least k' },
  losses: {
    kind: 'choice',
    choices: ['asked', 'last'],
    default: 'asked',
    help: 'asked: candidates are asked before the round; last: the losses of their last participation (rpow-d)',
  },
} as const

const stratifiedSettings = {
  count,
  property: {
    kind: 'text',
    default: 'label',
    help: "an end's stratum is the most frequent value of this column in its examples; label: of their labels",
  },
} as const

const deadlineSettings = {
  deadlineSeconds: { kind: 'number', above: 0, kwarg: 'deadline', help: 'seconds by which a round should end' },
  candidates: {
    kind: 'whole',
    least: 1,
    optional: true,
    kwarg: 'k',
    help: 'number of uniformly random ends of which the selection is made; none: all',
  },
  uploadShare: {
    kind: 'number',
    least: 0,
    most: 1,
    default: 0.5,
    help: "share of an end's time that is its upload; ends upload one after another and train at the same time",
  },
} as const

const tierSettings = {
  count,
  tiers: { kind: 'whole', least: 1, default: 5, help: 'number of tiers; fewer where a tier would be below k' },
  credits: {
    kind: 'whole',
    least: 1,
    optional: true,
    help: 'number of rounds in which a tier may be drawn; once no tier has credits left, all have them anew; none: no bound',
  },
  interval: {
    kind: 'whole',
    least: 1,
    optional: true,
    help: 'rounds between changes of the probabilities, which then follow the ranks of the losses of the tiers; none: tiers are equally likely',
  },
} as const

const overSettings = {
  count: { ...count, help: 'K: number of updates that end the round' },
  factor: { kind: 'number', least: 1, default: 1.3, kwarg: 'o', help: 'o: ends selected for each update' },
} as const

const oortSettings = {
  count: { kind: 'whole', least: 1, kwarg: 'aggr_num', help: 'K: number of updates that end the round' },
  roundThreshold: {
    kind: 'number',
    above: 0,
    default: 30,
    kwarg: 'round_threshold',
    help: 'percentile of durations above which a score falls; 100: none',
  },
  alpha: { kind: 'number', least: 0, default: 2, help: 'α: how fast the score of a slow end falls' },
  pacerStep: { kind: 'whole', least: 1, default: 20, kwarg: 'pacer_step', help: 'rounds between looks at the utility' },
  pacerDelta: { kind: 'number', least: 0, default: 5, kwarg: 'pacer_delta', help: 'percentiles that the pacer adds' },
} as const

/** Selectors beyond all and uniformly random ends. */
export const selectorEntries: readonly SelectorEntry[] = [
  {
    name: 'over-commitment',
    summary: '⌈o·K⌉ uniformly random ends, of which the first K to answer end the round',
    source: 'Bonawitz et al., MLSys 2019',
    settings: overSettings,
    apply(algorithm, given) {
      const { count, factor } = settingValues('over-commitment', overSettings, given)
      const seats = Math.ceil(factor * count - 1e-9)
      return closingAt(count, { ...algorithm, select: countSelector({ count: seats }) })
    },
  },
  entry('fair', 'the ends that took part least often', undefined, { count }, fairSelector),
  entry(
    'samples',
    'ends drawn in proportion to their numbers of examples, without replacement',
    'Li et al., ICLR 2020',
    { count },
    samplesSelector,
  ),
  {
    name: 'power-of-choice',
    summary: 'of d candidates drawn by their numbers of examples, those of the highest losses',
    source: 'Cho, Wang, Joshi, AISTATS 2022',
    settings: powerSettings,
    apply(algorithm, given) {
      const { losses, ...choices } = settingValues('power-of-choice', powerSettings, given)
      if (choices.candidates < choices.count) {
        const expected = `at least ${choices.count}, the number that is selected`
        const came = { of: 'power-of-choice', name: 'candidates', came: choices.candidates, expected }
        throw strategyError('STRATEGY_SETTING', came)
      }
      if (losses === 'last') return { ...algorithm, select: powerOfChoice(choices) }
      return asking(algorithm, askedPowerOfChoice(choices), tellLoss)
    },
  },
  {
    name: 'stratified',
    summary: 'seats for each stratum of ends by its number of examples, uniformly random ends within',
    source: 'Fraboni, Vidal, Kameni, Lorenzi, ICML 2021',
    settings: stratifiedSettings,
    apply(algorithm, given) {
      const { property, ...choices } = settingValues('stratified', stratifiedSettings, given)
      return asking(algorithm, stratifiedSelector(choices), tellStratum(property))
    },
  },
  entry(
    'deadline',
    'as many ends as are expected to finish by a deadline (FedCS)',
    'Nishio, Yonetani, ICC 2019, algorithm 3',
    deadlineSettings,
    deadlineSelector,
  ),
  entry('tiers', 'ends of one tier by the time that they took', 'Chai et al., HPDC 2020', tierSettings, tierSelector),
  {
    name: 'oort',
    summary:
      'ends with large losses that answer in time, and a share of unknown ends; of ⌊1.3 K⌋ the first K end the round',
    source: 'Lai et al., OSDI 2021, algorithm 1',
    settings: oortSettings,
    apply(algorithm, given) {
      const values = settingValues('oort', oortSettings, given)
      const chosen = { ...algorithm, select: oortSelector(values), client: tellingUtility(algorithm.client) }
      return closingAt(values.count, chosen)
    },
  },
]

function entry<const Table extends Described['settings']>(
  name: string,
  summary: string,
  source: string | undefined,
  settings: Table,
  make: (values: ReturnType<typeof settingValues<Table>>) => Selector,
): SelectorEntry {
  return {
    ...{ name, summary, settings, ...(source === undefined ? {} : { source }) },
    apply: (algorithm, given) => ({ ...algorithm, select: make(settingValues(name, settings, given)) }),
  }
}

/** An algorithm whose selector asks candidates. */
function asking(algorithm: Algorithm, select: Selector, tell: NonNullable<ClientPart<unknown>['tell']>): Algorithm {
  return { ...algorithm, select, client: { ...algorithm.client, tell } }
}

/** An algorithm whose round ends with `count` updates. */
function closingAt(count: number, algorithm: Algorithm): Algorithm {
  const { name, waiting } = algorithm
  if (waiting.kind === 'quorum') return { ...algorithm, waiting: { ...waiting, closesAt: count } }
  const reason = `the selector closes a round at ${count} updates, and ${name} has a buffer; choose the selector fedbuff`
  throw strategyError('STRATEGY_MISFIT', { reason })
}

/** A client that tells the utility of its examples under the round's weights, among its metrics. */
function tellingUtility(client: ClientPart<unknown>): ClientPart<unknown> {
  const { plain: _, ...others } = client
  return {
    ...others,
    async train(assignment, own, learner, random, secret) {
      const { losses = new Float32Array() } = await learner.loss(assignment.weights, { perExample: true })
      const { contribution, ...trained } = await client.train(assignment, own, learner, random, secret)
      const metrics = { ...contribution.metrics, [utilityMetric]: statisticalUtility(losses) }
      return { ...trained, contribution: { ...contribution, metrics } }
    },
  }
}
