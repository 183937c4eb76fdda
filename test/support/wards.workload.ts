import { fedAvg, type Learner, sizeOf, twoTier, workload } from 'flame-fl/sdk'
import { readCsv } from 'flame-fl/sdk/node'

const size = 4

/** Moves the weights towards the mean of the examples, and by some noise, so that each update depends on all inputs. */
const learner: Learner = {
  layout: { tensors: [{ name: 'w', shape: [size] }], size },
  initialWeights: async (random) => Float32Array.from({ length: size }, () => random.uniform()),
  async train({ weights, examples, random }) {
    const features = new Float32Array(sizeOf(examples.shape))
    const delta = new Float32Array(size)
    for (let index = 0; index < examples.count; index++) {
      examples.read(index, features, 0)
      for (const [at, value] of features.entries())
        delta[at % size] = (delta[at % size] ?? 0) + value / examples.count + examples.label(index)
    }
    for (const [at, weight] of weights.entries()) delta[at] = (delta[at] ?? 0) - weight + random.uniform() / 10
    return { delta, samples: examples.count, metrics: { loss: delta[0] ?? 0 } }
  },
  evaluate: async ([first = 0], { count }) => ({ samples: count, metrics: { first } }),
}

/** A workload whose clients' data are files, which lie where `--data` says. */
export default workload({
  name: 'wards',
  settings: { rounds: 3, clients: 3, pauseMs: 0 },
  learner: ({ pauseMs }) => ({
    ...learner,
    async train(request) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      return learner.train(request)
    },
  }),
  data: ({ clients }, _random, datasets) => ({
    clients,
    client: (index) => readCsv(datasets.path(index), { label: 'stay' }),
    test: () => readCsv(datasets.path('test'), { label: 'stay' }),
  }),
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg({ fraction: 1 }),
})
