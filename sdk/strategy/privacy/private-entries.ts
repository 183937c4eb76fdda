import type { Algorithm, Stage } from '../algorithm.ts'
import { defineEntry, type Named } from '../define-algorithm.ts'
import { strategyError } from '../errors.ts'
import { poissonSelector } from '../selectors/poisson-selector.ts'
import { staged } from '../stages/staged.ts'
import { accountants } from './accountant.ts'
import { adaptiveClipping, clientPrivacy, fixedClipping } from './private-stages.ts'

const accountSettings = {
  budget: {
    kind: 'number',
    above: 0,
    optional: true,
    help: 'greatest ε: the job ends before the round that would exceed it; none: no limit',
  },
  delta: {
    kind: 'number',
    above: 0,
    below: 1,
    optional: true,
    help: 'δ at which ε is told; none: 1/N^1.1 of N clients',
  },
  accountant: {
    kind: 'choice',
    choices: accountants,
    default: 'loss-distribution',
    help: 'how ε is computed; renyi: a less tight bound at less cost',
  },
} as const

const centralSettings = {
  noiseMultiplier: {
    kind: 'number',
    least: 0,
    help: 'z: standard deviation of the noise on the sum, in clipping norms; about 1 for a useful ε',
  },
  samplingProbability: {
    kind: 'number',
    above: 0,
    most: 1,
    default: 1,
    help: 'q: probability with which each client takes part in a round, in place of other selections',
  },
} as const

const fixedSettings = {
  clippingNorm: { kind: 'number', above: 0, help: 'S: greatest norm of an update' },
  ...centralSettings,
  ...accountSettings,
} as const

const adaptiveSettings = {
  ...centralSettings,
  initialClippingNorm: { kind: 'number', above: 0, default: 0.1, help: 'S_0: clipping norm of the first round' },
  quantile: {
    kind: 'number',
    least: 0,
    most: 1,
    default: 0.5,
    help: 'γ: fraction of updates that shall not be clipped',
  },
  learningRate: { kind: 'number', least: 0, default: 0.2, help: 'η_C: how fast the clipping norm moves' },
  countStddev: {
    kind: 'number',
    least: 0,
    optional: true,
    help: 'σ_b: standard deviation of the noise on the number of unclipped updates; none: a twentieth of the expected members',
  },
  ...accountSettings,
} as const

const clientSettings = {
  clipThreshold: {
    kind: 'number',
    above: 0,
    default: 2,
    kwarg: 'clip_threshold',
    help: 'C: greatest norm of an update',
  },
  noiseFactor: {
    kind: 'number',
    least: 0,
    default: 0.01,
    kwarg: 'noise_factor',
    help: 'σ: standard deviation of the noise on each value; far above C for a useful ε',
  },
  ...accountSettings,
} as const

/** Differential privacy that a job may name. */
export const privateEntries: readonly Named[] = [
  defineEntry({
    name: 'dp-fixed-clipping',
    summary:
      'clients clip their updates to norm S; the server adds N(0, (zS)²) to their sum and divides by the expected number of members',
    source: 'McMahan et al., ICLR 2018, algorithm 1',
    settings: fixedSettings,
    apply: (algorithm, values) => sampled(algorithm, values.samplingProbability, fixedClipping(values)),
  }),
  defineEntry({
    name: 'dp-adaptive-clipping',
    summary: 'as dp-fixed-clipping, with a clipping norm that follows a quantile of the norms of updates',
    source: 'Andrew et al., NeurIPS 2021, algorithm 1',
    settings: adaptiveSettings,
    apply(algorithm, values) {
      if (
        values.countStddev !== undefined &&
        values.noiseMultiplier > 0 &&
        values.noiseMultiplier >= 2 * values.countStddev
      ) {
        const reason = 'dp-adaptive-clipping needs a noiseMultiplier below twice the countStddev'
        throw strategyError('STRATEGY_MISFIT', { reason })
      }
      return sampled(algorithm, values.samplingProbability, adaptiveClipping(values))
    },
  }),
  defineEntry({
    name: 'dp',
    alias: 'dp-client',
    summary: 'each client clips its update to norm C and adds N(0, σ²) to each value before it sends the update',
    source: 'Naseri et al., NDSS 2022',
    settings: clientSettings,
    apply: (algorithm, values) => coveredBy(algorithm, clientPrivacy(values), algorithm),
  }),
]

/**
 * An algorithm with central privacy: sums of equal weights over ends that are drawn by themselves. A round may have no
 * members, and is noise alone then.
 *
 * @throws STRATEGY_MISFIT where the bound on a client's influence would not hold.
 */
function sampled(algorithm: Algorithm, probability: number, stage: Stage): Algorithm {
  const { aggregation, waiting } = algorithm
  const misfit = misfitOf(stage, algorithm)
  if (aggregation.needs === 'each')
    throw misfit('its server looks at each update, and noise covers sums alone; choose an algorithm that averages')
  if (waiting.kind === 'buffer')
    throw misfit('its rounds are a buffer, in which an end may count twice; choose an algorithm with rounds')
  if (algorithm.select.remember || algorithm.select.candidates)
    throw misfit(
      'its selector learns from what ends tell; leave the selector out: ends take part by samplingProbability',
    )
  return coveredBy(algorithm, stage, {
    ...algorithm,
    select: poissonSelector({ probability }),
    waiting: { ...waiting, minimumUpdates: 0 },
  })
}

/**
 * An algorithm with a stage that protects the clipped delta, and nothing else of what clients tell.
 *
 * @throws STRATEGY_MISFIT where clients would tell more.
 */
function coveredBy(given: Algorithm, stage: Stage, algorithm: Algorithm): Algorithm {
  const { aggregation, server, select, waiting } = given
  const misfit = misfitOf(stage, given)
  if (aggregation.weightBits !== undefined && waiting.kind === 'quorum')
    throw misfit('it weighs updates; choose an algorithm that averages updates')
  if (Object.keys(aggregation.vectors).length > 1 || aggregation.scalars)
    throw misfit('it sends more than one vector, or numbers; choose an algorithm that averages one update')
  if (server.hear || select.candidates)
    throw misfit(
      'its clients answer before a round, which no noise covers; choose an algorithm or selector that does not ask',
    )
  if (server.remember || select.remember)
    throw misfit('its sampler or selector learns from what clients tell of their examples; leave it out')
  if (given.clientEvaluation !== undefined)
    throw misfit('its clients publish their evaluations, which no noise covers; leave clientEvaluation out')
  if (waiting.kind === 'buffer' && waiting.size > 1)
    throw misfit('its rounds are a buffer, in which an end may count twice; set bufferSize (aggGoal) to 1')
  const { client } = algorithm
  return staged({ ...algorithm, client: { ...client, needs: [...(client.needs ?? []), 'no-batch-norm'] } }, [stage])
}

function misfitOf(stage: Stage, { name }: Algorithm) {
  return (reason: string) => strategyError('STRATEGY_MISFIT', { reason: `${stage.name} and ${name}: ${reason}` })
}
