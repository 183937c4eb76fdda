import { checkSetting } from './errors.ts'
import { allSelector } from './selectors/all-selector.ts'
import { randomSelector } from './selectors/random-selector.ts'
import type { Strategy } from './strategy.ts'

export interface FedAvgSettings {
  /** C: the fraction of trainers that is selected each round, above 0 to 1. */
  readonly fraction?: number
  /** Fraction of the selected whose updates end the waiting, above 0 to 1. */
  readonly quorum?: number
  /** Milliseconds after which a round goes on with what has come. */
  readonly deadlineMs?: number
  /** Fewest updates with which a round counts. */
  readonly minimumUpdates?: number
  /**
   * s: updates are summed in quanta of 2^−s, 0 to 51. A delta's values must be below 2^(51−s) in magnitude (131,072 by
   * default), and their products with the samples below 2^20 times as much.
   */
  readonly quantumBits?: number
}

/**
 * Federated averaging: weights += Σ (n_k / n) Δ_k.
 *
 * @see McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017, algorithm 1.
 */
export function fedAvg({
  fraction = 1,
  quorum = 1,
  deadlineMs,
  minimumUpdates = 1,
  quantumBits = 34,
}: FedAvgSettings = {}): Strategy {
  checkSetting('quorum', quorum, { above: 0, most: 1 })
  checkSetting('minimumUpdates', minimumUpdates, { least: 1, whole: true })
  checkSetting('quantumBits', quantumBits, { least: 0, most: 51, whole: true })
  if (deadlineMs !== undefined) checkSetting('deadlineMs', deadlineMs, { above: 0 })
  return {
    name: 'fedavg',
    selector: fraction === 1 ? allSelector() : randomSelector({ fraction }),
    optimizer: {
      init: () => null,
      step(weights, mean) {
        for (let i = 0; i < mean.length; i++) weights[i]! += mean[i]!
      },
    },
    localTerms: {},
    quorum,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    minimumUpdates,
    quantumBits,
  }
}
