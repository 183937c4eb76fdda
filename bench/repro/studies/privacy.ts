import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { epsilonOf, usualDelta } from '../../../sdk/strategy/privacy/accountant.ts'
import { accountingPython } from '../series/installed.ts'
import { percent, type Study, type Trial } from '../series/study.ts'
import { onPictures } from './pictures.ts'

const sizes = {
  model: '2nn',
  clients: 500,
  training: 20_000,
  test: 1_000,
  rounds: 25,
  epochs: 1,
  batch: 10,
  learningRate: 0.1,
}
const quickSizes = { clients: 100, training: 1_000, test: 500, rounds: 3 }
const samplingProbability = 0.1
const clippingNorm = 1
const program = fileURLToPath(new URL('../../../../bench/peers/epsilon.py', import.meta.url))

/** ε by Google's dp-accounting. */
async function epsilonsOfPeer(noiseMultiplier: number, rounds: number, delta: number) {
  const args = [noiseMultiplier, samplingProbability, rounds, delta].map(String)
  const { stdout } = await promisify(execFile)(await accountingPython(), [program, ...args])
  const found: { readonly 'loss-distribution': number; readonly renyi: number } = JSON.parse(stdout)
  return found
}

function trial(noiseMultiplier: number): Trial {
  const row = `z = ${noiseMultiplier}`
  return {
    row,
    async run({ seed, quick }) {
      const settings = { ...sizes, ...(quick ? quickSizes : {}) }
      const { clients } = settings
      const privacy = `dp-fixed-clipping,clippingNorm=${clippingNorm},noiseMultiplier=${noiseMultiplier},samplingProbability=${samplingProbability}`
      const { curve, last, rounds } = await onPictures({ pictures: 'mnist', settings, seed, choices: { privacy } })
      const delta = usualDelta(clients)
      // The record of each round has the account, which is compared with the peer's.
      const renyi = epsilonOf([{ noiseMultiplier, samplingProbability, rounds }], delta, 'renyi')
      const peer = await epsilonsOfPeer(noiseMultiplier, rounds, delta)
      return {
        values: {
          accuracy: last('accuracy'),
          ε: last('privacy-epsilon'),
          'ε by dp-accounting': peer['loss-distribution'],
          'ε, Rényi': renyi,
          'ε, Rényi, by dp-accounting': peer.renyi,
        },
        curves: { accuracy: curve('accuracy') },
      }
    },
  }
}

const number = (name: string) => ({ name, unit: 'number' as const })

export const privacy: Study = {
  name: 'privacy',
  title: 'DP-FedAvg: accuracy against ε',
  about: `The 2NN on ${sizes.training} pictures of MNIST, IID on ${sizes.clients} clients; each takes part in each of ${sizes.rounds} rounds with probability ${samplingProbability}; updates are clipped to norm ${clippingNorm}; z is the noise multiplier (\`privacy=dp-fixed-clipping\`). δ is 1/N^1.1 of N clients, ${usualDelta(sizes.clients).toExponential(2)}. One epoch of SGD on batches of ${sizes.batch}, learning rate ${sizes.learningRate}; accuracy on ${sizes.test} pictures of the test set after the last round. ε is that of the last round's record; beside it is that of Google's dp-accounting for the same mechanism, by its accountants of loss distributions and of Rényi divergences. DP-FedAvg's authors have no table for MNIST; what is repeated is that accuracy falls as ε falls, and that ε is right.`,
  seeds: [1, 2, 3],
  tables: [
    {
      name: 'epsilon',
      title: 'Accuracy and ε',
      columns: [
        percent('accuracy'),
        ...['ε', 'ε by dp-accounting', 'ε, Rényi', 'ε, Rényi, by dp-accounting'].map(number),
      ],
      trials: [0.3, 0.6, 1.2].map(trial),
    },
  ],
}
