import type { Algorithm, ClientPart, Selector } from '../algorithm.ts'
import { defineEntry, type Named } from '../define-algorithm.ts'
import { strategyError } from '../errors.ts'
import { askedPowerOfChoice, stratifiedSelector, tellLoss, tellStratum } from './asking-selectors.ts'
import { deadlineSelector } from './deadline-selector.ts'
import { oortSelector, statisticalUtility, utilityMetric } from './oort-selector.ts'
import { countSelector } from './random-selector.ts'
import { fairSelector, powerOfChoice, samplesSelector, tierSelector } from './remembering-selectors.ts'

const count = { kind: 'whole', least: 1, kwarg: 'k', help: 'number of ends that are selected for each round' } as const

/** Selectors beyond all and uniformly random ends. */
export const selectorEntries: readonly Named[] = [
  defineEntry({
    name: 'over-commitment',
    summary: '⌈o·K⌉ uniformly random ends, of which the first K to answer end the round',
    source: 'Bonawitz et al., MLSys 2019',
    settings: {
      count: { ...count, help: 'K: number of updates that end the round' },
      factor: { kind: 'number', least: 1, default: 1.3, kwarg: 'o', help: 'o: ends selected for each update' },
    },
    apply(algorithm, { count: updates, factor }) {
      const seats = Math.ceil(factor * updates - 1e-9)
      return closingAt(updates, { ...algorithm, select: countSelector({ count: seats }) })
    },
  }),
  defineEntry({
    name: 'fair',
    summary: 'the ends that took part least often',
    settings: { count },
    apply: selecting(fairSelector),
  }),
  defineEntry({
    name: 'samples',
    summary: 'ends drawn in proportion to their numbers of examples, without replacement',
    source: 'Li et al., ICLR 2020',
    settings: { count },
    apply: selecting(samplesSelector),
  }),
  defineEntry({
    name: 'power-of-choice',
    summary: 'of d candidates drawn by their numbers of examples, those of the highest losses',
    source: 'Cho, Wang, Joshi, AISTATS 2022',
    settings: {
      count,
      candidates: { kind: 'whole', least: 1, kwarg: 'd', help: 'd: number of candidates, at least k' },
      losses: {
        kind: 'choice',
        choices: ['asked', 'last'],
        default: 'asked',
        help: 'asked: candidates are asked before the round; last: the losses of their last participation (rpow-d)',
      },
    },
    apply(algorithm, { losses, ...choices }) {
      if (choices.candidates < choices.count) {
        const expected = `at least ${choices.count}, the number that is selected`
        const came = { of: 'power-of-choice', name: 'candidates', came: choices.candidates, expected }
        throw strategyError('STRATEGY_SETTING', came)
      }
      if (losses === 'last') return { ...algorithm, select: powerOfChoice(choices) }
      return asking(algorithm, askedPowerOfChoice(choices), tellLoss)
    },
  }),
  defineEntry({
    name: 'stratified',
    summary: 'seats for each stratum of ends by its number of examples, uniformly random ends within',
    source: 'Fraboni, Vidal, Kameni, Lorenzi, ICML 2021',
    settings: {
      count,
      property: {
        kind: 'text',
        default: 'label',
        help: "an end's stratum is the most frequent value of this column in its examples; label: of their labels",
      },
    },
    apply: (algorithm, { property, ...choices }) =>
      asking(algorithm, stratifiedSelector(choices), tellStratum(property)),
  }),
  defineEntry({
    name: 'deadline',
    summary: 'as many ends as are expected to finish by a deadline (FedCS)',
    source: 'Nishio, Yonetani, ICC 2019, algorithm 3',
    settings: {
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
    },
    apply: selecting(deadlineSelector),
  }),
  defineEntry({
    name: 'tiers',
    summary: 'ends of one tier by the time that they took',
    source: 'Chai et al., HPDC 2020',
    settings: {
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
    },
    apply: selecting(tierSelector),
  }),
  defineEntry({
    name: 'oort',
    summary:
      'ends with large losses that answer in time, and a share of unknown ends; of ⌊1.3 K⌋ the first K end the round',
    source: 'Lai et al., OSDI 2021, algorithm 1',
    settings: {
      count: { kind: 'whole', least: 1, kwarg: 'aggr_num', help: 'K: number of updates that end the round' },
      roundThreshold: {
        kind: 'number',
        above: 0,
        default: 30,
        kwarg: 'round_threshold',
        help: 'percentile of durations above which a score falls; 100: none',
      },
      alpha: { kind: 'number', least: 0, default: 2, help: 'α: how fast the score of a slow end falls' },
      pacerStep: {
        kind: 'whole',
        least: 1,
        default: 20,
        kwarg: 'pacer_step',
        help: 'rounds between looks at the utility',
      },
      pacerDelta: {
        kind: 'number',
        least: 0,
        default: 5,
        kwarg: 'pacer_delta',
        help: 'percentiles that the pacer adds',
      },
    },
    apply: (algorithm, values) =>
      closingAt(values.count, {
        ...algorithm,
        select: oortSelector(values),
        client: tellingUtility(algorithm.client),
      }),
  }),
]

/** Exchanges an algorithm's selector. */
function selecting<Values>(make: (values: Values) => Selector) {
  return (algorithm: Algorithm, values: Values): Algorithm => ({ ...algorithm, select: make(values) })
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
