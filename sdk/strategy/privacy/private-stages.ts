import { normal } from '../../random/distributions.ts'
import { exp } from '../../random/elementary.ts'
import type { Aggregate, ClientStage, PrivacySpent, ServerStage, Stage, WholeContribution } from '../algorithm.ts'
import { strategyError } from '../errors.ts'
import { clippedTo, norm } from '../stages/clip.ts'
import { noisy } from '../stages/noise.ts'
import { type accountants, epsilonOf, type Ledger, usualDelta, withRound } from './accountant.ts'
import type { Mechanism } from './renyi.ts'

/** What limits and tells the privacy that a job spends. */
export interface Accounting {
  readonly accountant: (typeof accountants)[number]
  /** δ. Absent: 1/N^1.1. */
  readonly delta?: number | undefined
  /** Greatest ε. Absent: no limit. */
  readonly budget?: number | undefined
}

interface Account {
  ledger: Ledger
}

/** The parts of a server's stage that tell the spent privacy. `mechanism`: that of the next round. */
function accounting(
  { accountant, delta, budget = Number.POSITIVE_INFINITY }: Accounting,
  mechanism: Mechanism,
): Required<Pick<ServerStage<Account>, 'spent' | 'exhausted'>> {
  /** The last result, since the round that is looked at ahead is looked at again once it has run. */
  let last: { readonly of: string; readonly epsilon: number } | undefined
  const spentBy = (ledger: Ledger, population: number): PrivacySpent => {
    const at = delta ?? usualDelta(population)
    const of = JSON.stringify([ledger, at])
    if (last?.of !== of) last = { of, epsilon: epsilonOf(ledger, at, accountant) }
    return { epsilon: last.epsilon, delta: at }
  }
  return {
    spent: ({ ledger }, population) => spentBy(ledger, population),
    exhausted({ ledger }, population) {
      if (budget === Number.POSITIVE_INFINITY) return undefined
      const { epsilon, delta: at } = spentBy(withRound(ledger, mechanism), population)
      if (epsilon <= budget) return undefined
      return `one more round would spend ε ${shortly(epsilon)} at δ ${shortly(at)}, and the budget is ε ${budget}`
    },
  }
}

function shortly(value: number): string {
  return value === Number.POSITIVE_INFINITY ? 'without bound' : String(Number(value.toPrecision(4)))
}

/**
 * A contribution of which nothing but the clipped delta leaves the client: weight 1, no metrics. Metrics and numbers of
 * examples would be published with the round, without noise.
 */
function bare(contribution: WholeContribution, delta: Float32Array): WholeContribution {
  const extra = [...Object.keys(contribution.vectors), ...Object.keys(contribution.scalars ?? {})]
  if (extra.length > 1) {
    const reason = `the algorithm sends ${extra.join(', ')}, of which privacy covers the delta alone`
    throw strategyError('STRATEGY_MISFIT', { reason })
  }
  return { vectors: { delta }, weight: 1, samples: 1, metrics: {} }
}

/** The aggregate with a noisy sum of the deltas, and its mean by a divisor that doesn't depend on who took part. */
function withNoisySum(aggregate: Aggregate, sum: Float32Array, divisor: number): Aggregate {
  const mean = sum.map((value) => value / divisor)
  return { ...aggregate, mean: () => mean, sum: () => sum }
}

export interface FixedClipping extends Mechanism, Accounting {
  /** S */
  readonly clippingNorm: number
}

/**
 * DP-FedAvg with fixed clipping: each end takes part with probability q; clients clip their delta to norm S, with equal
 * weights; the server adds N(0, (zS)²) to each value of the sum, and divides by the expected number of members q·N.
 *
 * @see McMahan et al., Learning Differentially Private Recurrent Language Models, ICLR 2018, algorithm 1.
 */
export function fixedClipping({ clippingNorm, ...choices }: FixedClipping): Stage<unknown, Account> {
  const { noiseMultiplier, samplingProbability } = choices
  const mechanism = { noiseMultiplier, samplingProbability }
  const client: ClientStage<unknown> = {
    apply: (contribution, own) => ({
      contribution: bare(contribution, clippedTo(clippingNorm, contribution.vectors.delta)),
      own,
    }),
  }
  return {
    name: 'dp-fixed-clipping',
    secret: true,
    client,
    server: {
      init: () => ({ ledger: [] }),
      apply(aggregate, account, secret) {
        account.ledger = withRound(account.ledger, mechanism)
        const sum = noisy(aggregate.sum(), noiseMultiplier * clippingNorm, secret)
        return withNoisySum(aggregate, sum, samplingProbability * aggregate.population)
      },
      ...accounting(choices, mechanism),
    },
  }
}

export interface AdaptiveClipping extends Mechanism, Accounting {
  /** S_0: the clipping norm of the first round. */
  readonly initialClippingNorm: number
  /** γ: fraction of the deltas that shall not be clipped. */
  readonly quantile: number
  /** η_C: how fast the norm moves. */
  readonly learningRate: number
  /** σ_b: standard deviation of the noise on the number of deltas that aren't clipped. Absent: m/20. */
  readonly countStddev?: number | undefined
}

interface AdaptiveState extends Account {
  /** S of the next round. */
  norm: number
}

/** z_Δ = (z⁻² − (2σ_b)⁻²)^−½: the noise on the sum of deltas for which both releases together are the mechanism of z. */
export function updateNoiseMultiplier(noiseMultiplier: number, countStddev: number): number {
  if (noiseMultiplier === 0) return 0
  const rest = 1 / (noiseMultiplier * noiseMultiplier) - 1 / (4 * countStddev * countStddev)
  if (rest > 0) return 1 / Math.sqrt(rest)
  throw strategyError('STRATEGY_MISFIT', {
    reason: `adaptive clipping needs a noiseMultiplier below twice the countStddev, and has ${noiseMultiplier} and ${countStddev}`,
  })
}

/**
 * DP-FedAvg with adaptive clipping: each client also sends whether its delta was short enough, b_k. With m = q·N and
 * b̃ = (Σ b_k + N(0, σ_b²))/m, S ← S·e^(−η_C(b̃ − γ)), so that S follows the quantile γ of the deltas' norms.
 *
 * @see Andrew, Thakkar, McMahan, Ramaswamy, Differentially Private Learning with Adaptive Clipping, NeurIPS 2021,
 *   algorithm 1.
 */
export function adaptiveClipping(choices: AdaptiveClipping): Stage<unknown, AdaptiveState> {
  const { noiseMultiplier, samplingProbability, initialClippingNorm, quantile, learningRate } = choices
  const mechanism = { noiseMultiplier, samplingProbability }
  return {
    name: 'dp-adaptive-clipping',
    secret: true,
    client: {
      apply(contribution, own, { terms }) {
        const { clippingNorm = Number.NaN } = terms.scalars ?? {}
        const { delta } = contribution.vectors
        const clipped = bare(contribution, clippedTo(clippingNorm, delta))
        return { contribution: { ...clipped, scalars: { unclipped: norm(delta) <= clippingNorm ? 1 : 0 } }, own }
      },
    },
    server: {
      init: () => ({ ledger: [], norm: initialClippingNorm }),
      assign: (state) => ({ scalars: { clippingNorm: state.norm } }),
      apply(aggregate, state, secret) {
        state.ledger = withRound(state.ledger, mechanism)
        const expected = samplingProbability * aggregate.population
        const countStddev = choices.countStddev ?? expected / 20
        const deviation = updateNoiseMultiplier(noiseMultiplier, countStddev) * state.norm
        const sum = noisy(aggregate.sum(), deviation, secret)
        const { unclipped = 0, ...scalars } = aggregate.scalars
        const count = unclipped + (countStddev === 0 || !secret ? 0 : countStddev * normal(secret))
        state.norm *= exp(-learningRate * (count / expected - quantile))
        return { ...withNoisySum(aggregate, sum, expected), scalars }
      },
      ...accounting(choices, mechanism),
    },
  }
}

export interface ClientPrivacy extends Accounting {
  /** C */
  readonly clipThreshold: number
  /** σ: standard deviation of the noise itself, not times the threshold, as in Flame. */
  readonly noiseFactor: number
}

/** Added to a norm that a threshold is divided by, as in Flame. */
const leastNorm = 1e-6

/**
 * Local privacy: each client clips its delta, Δ·min(1, C/(‖Δ‖ + 10⁻⁶)), and adds N(0, σ²) to each value before it sends
 * anything, so that the server needs no trust. The account tells what a client that takes part in every round reveals by
 * its own updates, whoever compares any two data sets of the client: their clipped deltas are up to 2C apart.
 *
 * @see Naseri, Hayes, De Cristofaro, Local and Central Differential Privacy for Robustness and Privacy in Federated
 *   Learning, NDSS 2022.
 */
export function clientPrivacy({ clipThreshold, noiseFactor, ...choices }: ClientPrivacy): Stage<unknown, Account> {
  const mechanism = { noiseMultiplier: noiseFactor / (2 * clipThreshold), samplingProbability: 1 }
  return {
    name: 'dp',
    secret: true,
    client: {
      apply(contribution, own, { secret }) {
        const { delta } = contribution.vectors
        const factor = Math.min(1, clipThreshold / (norm(delta) + leastNorm))
        const noise = noisy(
          delta.map((value) => value * factor),
          noiseFactor,
          secret,
        )
        // The weight is public: a number of examples is none of the values that noise protects.
        const { weight, samples } = contribution
        return { contribution: { ...bare(contribution, noise), weight, samples }, own }
      },
    },
    server: {
      init: () => ({ ledger: [] }),
      apply(aggregate, account) {
        account.ledger = withRound(account.ledger, mechanism)
        return aggregate
      },
      ...accounting(choices, mechanism),
    },
  }
}
