import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundSettings, weighting } from '../server/index.ts'
import { headSettings, headTensors, partlyPersonal } from './personal-tensors.ts'

/**
 * FedRep: the last layers are personal. Each client trains its own head on the fixed base for some epochs, then the base
 * under the fixed head, and the server averages the base as FedAvg.
 *
 * @see Collins, Hassani, Mokhtari, Shakkottai, Exploiting Shared Representations for Personalized Federated Learning,
 *   ICML 2021, algorithm 1.
 */
export const fedRep = defineAlgorithm({
  name: 'fedrep',
  summary: 'FedAvg of the first layers; the last ones stay at each client, and train before the first',
  source: 'Collins et al., ICML 2021, algorithm 1',
  settings: {
    ...headSettings,
    headEpochs: { kind: 'whole', least: 1, default: 10, help: 'epochs of the head, with the base fixed' },
    baseEpochs: { kind: 'whole', least: 1, default: 1, help: 'epochs of the base, with the head fixed' },
    ...roundSettings,
    weighting: weighting('samples'),
  },
  make: ({ headLayers, personal, headEpochs, baseEpochs, ...values }) =>
    partlyPersonal(
      headTensors('fedrep', { headLayers, personal }),
      [
        { trains: 'personal', epochs: headEpochs },
        { trains: 'shared', epochs: baseEpochs },
      ],
      values,
    ),
})
