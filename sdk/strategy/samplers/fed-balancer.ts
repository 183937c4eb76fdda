import { learnerWith, type RoleLearner } from '../../learn/role-learner.ts'
import { normal } from '../../random/distributions.ts'
import type { RandomStream } from '../../random/random-stream.ts'
import type { Algorithm, ClientPart, Stage } from '../algorithm.ts'
import { learnerError } from '../learner-needs.ts'
import { stagedServer } from '../stages/staged.ts'
import {
  type BalancerChoices,
  type BalancerState,
  balanceAfter,
  balancerMetrics,
  balancerStart,
  balancerTerms,
} from './balancer-server.ts'

export interface FedBalancerChoices extends BalancerChoices {
  /** p: share of the sampled examples whose loss is over the threshold. */
  readonly share: number
  /** Standard deviation of the noise on the losses that a client tells. */
  readonly noiseFactor: number
}

/** A client's state: that of the algorithm, and the sampler's. */
interface Sampling {
  readonly inner: unknown
  /** The last known loss of each example. Empty before the first training. */
  readonly losses: Float32Array
  /** Seconds of a batch in the last trainings, the newest last. */
  readonly batchSeconds: readonly number[]
  /** Seconds of an epoch of the last training. */
  readonly epochSeconds?: number
}

/** Number of a client's trainings whose durations count. */
const keptTrainings = 5
/** The quantile of its losses that a client tells as its high loss. */
const highPercentile = 0.8

/**
 * FedBalancer: clients train on as many examples as they can before a deadline, those with large losses first. Deadline and
 * loss threshold come from the server, which moves both by the benefit of the last rounds.
 *
 * A client takes max(L, number over the threshold) examples, a share p of those over the threshold, the others of those
 * under it, without replacement, as far as there are enough. L = ⌊(deadline/(E·seconds of a batch) − 1)·B − 1⌋ is the number
 * that it can train in time. It knows the losses of all its examples from its first training, and those of the sampled
 * ones anew before each training. It tells the duration of its previous training, so that a repeated round gives the same
 * answer. The deadline chooses examples, and ends no round.
 *
 * @see Shin, Li, Liu, Lee, FedBalancer: Data and Pace Control for Efficient Federated Learning on Heterogeneous Clients,
 *   MobiSys 2022.
 */
export function fedBalancer(algorithm: Algorithm, choices: FedBalancerChoices): Algorithm {
  const stage: Stage<unknown, BalancerState> = {
    name: 'fedbalancer',
    server: {
      init: () => structuredClone(balancerStart),
      assign: balancerTerms,
      remember: (state, round) => balanceAfter(state, round, choices),
    },
  }
  return {
    ...algorithm,
    server: stagedServer(algorithm.server, [stage]),
    client: sampling(algorithm.client, choices),
  }
}

function sampling(inner: ClientPart<unknown>, { share, noiseFactor }: FedBalancerChoices): ClientPart<Sampling> {
  return {
    ...inner,
    needs: [...(inner.needs ?? []), 'losses', 'own-steps'],
    init: (layout) => ({ inner: inner.init?.(layout), losses: new Float32Array(), batchSeconds: [] }),
    ...(inner.personal && {
      personal: (weights, own, layout) => inner.personal?.(weights, own.inner, layout) ?? weights,
    }),
    async train(assignment, own, learner, random, secret) {
      const { ownSteps } = learner
      if (!ownSteps) throw learnerError('own-steps')
      const { weights, round, now, terms } = assignment
      const { lossThreshold = 0, deadlineSeconds } = terms.scalars ?? {}
      const isFirst = own.losses.length === 0
      const options = { perExample: true, round }
      const losses = isFirst
        ? ((await learner.loss(weights, options)).losses ?? new Float32Array())
        : own.losses.slice()
      const capacity = trainable(own, ownSteps, deadlineSeconds)
      const indices = sampledExamples(losses, { lossThreshold, capacity, share }, random)
      if (!isFirst) {
        const { losses: fresh = new Float32Array() } = await learner.loss(weights, { ...options, indices })
        for (const [at, index] of indices.entries()) losses[index] = fresh[at]!
      }
      const sampled = indices.reduce((sum, index) => sum + losses[index]!, 0) / indices.length
      const seen = indices.length === losses.length ? learner : limited(learner, indices)
      const began = await now?.()
      const trained = await inner.train(assignment, own.inner, seen, random, secret)
      const ended = await now?.()
      const noise = () => (noiseFactor === 0 ? 0 : noiseFactor * normal(random))
      const metrics = {
        ...trained.contribution.metrics,
        [balancerMetrics.low]: quantile(losses, 0) + noise(),
        [balancerMetrics.high]: quantile(losses, highPercentile) + noise(),
        [balancerMetrics.sampled]: sampled,
        ...(own.epochSeconds !== undefined && {
          [balancerMetrics.epoch]: own.epochSeconds,
          [balancerMetrics.epochs]: ownSteps.epochs,
        }),
      }
      const kept = { inner: trained.own, losses, batchSeconds: own.batchSeconds }
      const contribution = { ...trained.contribution, metrics }
      if (began === undefined || ended === undefined) return { contribution, own: kept }
      const epochSeconds = (ended - began) / 1000 / ownSteps.epochs
      const batchSeconds = [...own.batchSeconds, epochSeconds / Math.ceil(indices.length / ownSteps.batch)]
      return { contribution, own: { ...kept, epochSeconds, batchSeconds: batchSeconds.slice(-keptTrainings) } }
    },
  }
}

/** L: the number of examples that a client can train before the deadline. Infinite while it knows no duration. */
function trainable(
  { batchSeconds }: Sampling,
  { epochs, batch }: { readonly epochs: number; readonly batch: number },
  deadlineSeconds: number | undefined,
): number {
  const seconds = batchSeconds.reduce((sum, each) => sum + each, 0) / batchSeconds.length
  if (deadlineSeconds === undefined || !(seconds > 0)) return Number.POSITIVE_INFINITY
  return Math.floor((deadlineSeconds / (epochs * seconds) - 1) * batch - 1)
}

/** Indices of the examples to train on, ascending; at least one. */
export function sampledExamples(
  losses: Float32Array,
  choices: { readonly lossThreshold: number; readonly capacity: number; readonly share: number },
  random: RandomStream,
): Uint32Array {
  const { lossThreshold, capacity, share } = choices
  const all = Uint32Array.from(losses.keys())
  if (capacity >= losses.length) return all
  const over = all.filter((index) => losses[index]! >= lossThreshold)
  const under = all.filter((index) => losses[index]! < lossThreshold)
  const count = Math.min(losses.length, Math.max(1, capacity, over.length))
  const fromOver = Math.min(over.length, Math.max(count - under.length, Math.round(share * count)))
  random.shuffle(over)
  random.shuffle(under)
  const taken = [...over.subarray(0, fromOver), ...under.subarray(0, count - fromOver)]
  return Uint32Array.from(taken).toSorted()
}

/** A learner that trains on some examples alone, unless a request names its own. */
function limited(learner: RoleLearner, indices: Uint32Array): RoleLearner {
  return learnerWith(learner, {
    train: (request) => learner.train({ indices, ...request }),
    trainHeld: (request) => learner.trainHeld({ indices, ...request }),
    lossOfPart: ({ of, ...pass }, labels) =>
      learner.lossOfPart(
        { ...pass, of: 'indices' in of ? { indices: of.indices.map((at) => indices[at]!) } : of },
        labels,
      ),
  })
}

/** The quantile of values, between two of them in proportion. */
function quantile(values: Float32Array, at: number): number {
  const ascending = values.toSorted()
  const place = at * (ascending.length - 1)
  const [below = Number.NaN, above = below] = ascending.subarray(Math.floor(place))
  return below + (place - Math.floor(place)) * (above - below)
}
