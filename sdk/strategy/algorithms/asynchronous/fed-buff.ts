import type { ServerPart, Waiting } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { allSelector } from '../../selectors/all-selector.ts'
import type { SettingValues } from '../../settings.ts'
import { momentumServer, plainClient } from '../server/index.ts'

/** Staleness factors are rounded once to multiples of 2^−24. */
export const weightBits = 24

/** Settings of every asynchronous algorithm. */
export const bufferSettings = {
  concurrency: {
    kind: 'whole',
    least: 1,
    default: 10,
    hyperparameter: 'concurrency',
    help: 'C: number of ends that work at a time',
  },
  mostStale: { kind: 'whole', least: 0, optional: true, help: 'contributions with a greater staleness are dropped' },
  dispatchDeadlineMs: {
    kind: 'number',
    above: 0,
    optional: true,
    help: 'milliseconds after which a trainer that has not answered is given up, and another is asked; none: no deadline',
  },
  quantumBits: {
    kind: 'whole',
    least: 0,
    most: 51,
    default: 34,
    help: "s: updates are summed in quanta of 2^−s; a delta's values must be below 2^(51−s)",
  },
} as const

/** The bounds on work under way, from the settings of an asynchronous algorithm. */
export function bufferLimits({
  concurrency,
  mostStale,
  dispatchDeadlineMs: deadlineMs,
}: Pick<SettingValues<typeof bufferSettings>, 'concurrency' | 'mostStale' | 'dispatchDeadlineMs'>) {
  return {
    concurrency,
    ...(mostStale === undefined ? {} : { mostStale }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  }
}

/**
 * FedBuff, asynchronous: C ends work at a time, and after each K contributions
 *
 * w ← w + (η_g / K) Σ s(τ) Δ,  s(τ) = 1/√(1 + τ)
 *
 * τ is the number of steps since the weights from which a contribution started. The divisor is K, not the sum of s(τ).
 * The number of samples has no effect. An aggregator below the top has a buffer of its own, and sends Σ s(τ) Δ in
 * integers; the top weighs each such sum by its own s(τ), and divides by the number of all updates in its buffer.
 *
 * @see Nguyen et al., Federated Learning with Buffered Asynchronous Aggregation, AISTATS 2022, algorithm 1.
 */
export const fedBuff = defineAlgorithm({
  name: 'fedbuff',
  summary: 'asynchronous: after each K contributions, w ← w + (η_g/K) Σ s(τ) Δ',
  source: 'Nguyen et al., AISTATS 2022, algorithm 1',
  settings: {
    bufferSize: {
      kind: 'whole',
      least: 1,
      default: 1,
      kwarg: 'aggGoal',
      hyperparameter: 'aggGoal',
      help: 'K: number of contributions in a step',
    },
    middleBufferSize: {
      kind: 'whole',
      least: 1,
      optional: true,
      help: 'K of the aggregators below the top, each of which sends the sum of its buffer; none: bufferSize',
    },
    concurrency: bufferSettings.concurrency,
    serverMomentum: {
      kind: 'number',
      least: 0,
      below: 1,
      default: 0,
      help: 'β: decay of the momentum at the server: v ← β v + (1/K) Σ s(τ) Δ; w ← w + η_g v',
    },
    serverLearningRate: { kind: 'number', above: 0, default: 1, help: "η_g: the server's learning rate" },
    staleness: {
      kind: 'choice',
      choices: ['1/sqrt(1+tau)', 'none'],
      default: '1/sqrt(1+tau)',
      help: 's(τ): factor of a contribution that is τ steps stale; none: 1',
    },
    mostStale: bufferSettings.mostStale,
    dispatchDeadlineMs: bufferSettings.dispatchDeadlineMs,
    quantumBits: bufferSettings.quantumBits,
  },
  make({ bufferSize, middleBufferSize, staleness, quantumBits, ...values }) {
    const { serverMomentum: beta, serverLearningRate: eta } = values
    const waiting: Waiting = {
      kind: 'buffer',
      size: bufferSize,
      ...(middleBufferSize === undefined ? {} : { sizeBelow: middleBufferSize }),
      ...bufferLimits(values),
      weigh: (tau) => (staleness === 'none' ? 1 : 1 / Math.sqrt(1 + tau)),
    }
    const server: ServerPart<unknown> =
      beta === 0
        ? plainServer(eta)
        : momentumServer({ beta, eta }, (aggregate) => aggregate.sum().map((value) => value / aggregate.updates))
    return {
      select: allSelector(),
      server,
      client: plainClient('equal'),
      aggregation: { needs: 'sum', weightBits, vectors: { delta: { quantumBits } } },
      waiting,
      stages: [],
    }
  },
})

function plainServer(eta: number): ServerPart<null> {
  return {
    init: () => null,
    step(weights, aggregate) {
      const rate = eta / aggregate.updates
      const sum = aggregate.sum()
      for (let i = 0; i < sum.length; i++) weights[i]! += rate * sum[i]!
    },
  }
}
