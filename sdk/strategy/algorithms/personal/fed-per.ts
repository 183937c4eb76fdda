import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundSettings, weighting } from '../server/index.ts'
import { headSettings, headTensors, partlyPersonal } from './personal-tensors.ts'

/**
 * FedPer: the last layers are personal. Each client trains the whole model, with its own last layers, and the server
 * averages the layers before them as FedAvg. Without personal layers: FedAvg.
 *
 * @see Arivazhagan, Aggarwal, Singh, Choudhary, Federated Learning with Personalization Layers, arXiv 1912.00818, 2019.
 */
export const fedPer = defineAlgorithm({
  name: 'fedper',
  summary: 'FedAvg of the first layers; the last ones stay at each client, and train together with the first',
  source: 'Arivazhagan et al. 2019, arXiv 1912.00818',
  settings: { ...headSettings, ...roundSettings, weighting: weighting('samples') },
  make: ({ headLayers, personal, ...values }) =>
    partlyPersonal(headTensors('fedper', { headLayers, personal }), [{ trains: 'all' }], values),
})
