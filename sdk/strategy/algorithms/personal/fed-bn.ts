import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundSettings, weighting } from '../server/index.ts'
import { normalizationTensors, partlyPersonal } from './personal-tensors.ts'

/**
 * FedBN: FedAvg of all but the batch normalizations, whose scales, shifts and moving statistics stay at each client.
 * Without batch normalization: FedAvg.
 *
 * @see Li, Jiang, Zhang, Kamp, Dou, FedBN: Federated Learning on Non-IID Features via Local Batch Normalization, ICLR
 *   2021, algorithm 1.
 */
export const fedBn = defineAlgorithm({
  name: 'fedbn',
  summary: 'FedAvg of all but batch normalizations, which stay at each client',
  source: 'Li et al., ICLR 2021, algorithm 1',
  settings: { ...roundSettings, weighting: weighting('samples') },
  make: (values) => partlyPersonal(normalizationTensors, [{ trains: 'all' }], values),
})
