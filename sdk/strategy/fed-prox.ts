import { checkSetting } from './errors.ts'
import { type FedAvgSettings, fedAvg } from './fed-avg.ts'
import type { Strategy } from './strategy.ts'

export interface FedProxSettings extends FedAvgSettings {
  /** μ of the proximal term μ/2 ‖w − w_round‖², at least 0; the paper tries 0.001 to 1. */
  readonly mu: number
}

/**
 * FedAvg whose trainers are held near the round's weights by a proximal term.
 *
 * @see Li et al., Federated Optimization in Heterogeneous Networks, MLSys 2020, algorithm 2.
 */
export function fedProx({ mu, ...settings }: FedProxSettings): Strategy {
  checkSetting('mu', mu, { least: 0 })
  return { ...fedAvg(settings), name: 'fedprox', localTerms: { proximal: mu } }
}
