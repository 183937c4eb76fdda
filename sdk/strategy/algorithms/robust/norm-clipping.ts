import { defineAlgorithm } from '../../define-algorithm.ts'
import { clip } from '../../stages/clip.ts'
import { staged } from '../../stages/staged.ts'
import { averaging, plainClient, roundParts, roundSettings, weighting } from '../server/index.ts'

/**
 * Norm clipping: FedAvg of deltas that each client shortens to a norm: Δ·min(1, S/‖Δ‖), over the whole array. The stage
 * `noise` adds the noise of the paper. A client that does not keep to the protocol may leave out the clipping.
 *
 * @see Sun et al., Can You Really Backdoor Federated Learning?, 2019 (arXiv 1911.07963).
 */
export const normClipping = defineAlgorithm({
  name: 'norm-clipping',
  summary: 'FedAvg of deltas that are shortened to a norm: Δ·min(1, S/‖Δ‖)',
  source: 'Sun et al. 2019 (arXiv 1911.07963)',
  settings: {
    norm: { kind: 'number', above: 0, help: 'S: greatest norm of a delta' },
    ...roundSettings,
    weighting: weighting('samples'),
  },
  make: ({ norm, ...values }) =>
    staged({ name: 'norm-clipping', ...roundParts(values), server: averaging, client: plainClient(values.weighting) }, [
      clip({ norm }),
    ]),
})
