import type { ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { plainClient, roundParts, roundSettings, weighting } from './fed-avg.ts'

/** v of server momentum, in the units of the weights. */
export interface Momentum {
  readonly v: Float32Array
}

/** A server that steps by momentum of `moved`, the step of an algorithm without momentum: v ← βv + step; w ← w + ηv. */
export function momentumServer(
  { beta, eta }: { readonly beta: number; readonly eta: number },
  moved: (aggregate: Parameters<ServerPart<Momentum>['step']>[1]) => Float32Array,
): ServerPart<Momentum> {
  return {
    init: ({ size }) => ({ v: new Float32Array(size) }),
    step(weights, aggregate, { v }) {
      const step = moved(aggregate)
      for (let i = 0; i < step.length; i++) {
        v[i] = beta * v[i]! + step[i]!
        weights[i]! += eta * v[i]!
      }
    },
  }
}

/**
 * FedAvg with momentum at the server, and v = 0 before the first round:
 *
 * v ← β v + Δ̄;  w ← w + η_g v
 *
 * @see Hsu, Qi, Brown, Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification,
 *   arXiv 1909.06335, 2019.
 */
export const fedAvgM = defineAlgorithm({
  name: 'fedavgm',
  summary: 'FedAvg with server momentum: v ← β v + Δ̄; w ← w + η_g v',
  source: 'Hsu et al. 2019, arXiv 1909.06335',
  settings: {
    serverMomentum: {
      kind: 'number',
      least: 0,
      below: 1,
      default: 0.9,
      help: 'β: decay of the momentum; the paper tries 0, 0.7, 0.9, 0.97, 0.99 and 0.997',
    },
    serverLearningRate: { kind: 'number', above: 0, default: 1, help: "η_g: the server's learning rate" },
    ...roundSettings,
    weighting: weighting('samples'),
  },
  make: ({ serverMomentum: beta, serverLearningRate: eta, ...values }) => ({
    ...roundParts(values),
    server: momentumServer({ beta, eta }, (aggregate) => aggregate.mean()),
    client: plainClient(values.weighting),
  }),
})
