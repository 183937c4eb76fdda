import { chosen, fedAvg, inMemoryExamples, layersLearner, topologies, workload } from 'flame-fl/sdk'

/**
 * A small network with a hidden layer, by plain SGD on a few points of three classes: clients have unequal shares of the
 * classes.
 */
export default workload({
  name: 'blobs',
  settings: {
    ...{ rounds: 40, clients: 12, fraction: 1, epochs: 2, batch: 4, learningRate: 0.1 },
    ...{ topology: 'two-tier', graph: 'ring', asynchronous: false },
  },
  learner: ({ epochs, batch, learningRate }) =>
    layersLearner({
      model: ({ layers, sequential }) =>
        sequential({
          layers: [layers.dense({ units: 4, activation: 'tanh', inputShape: [2] }), layers.dense({ units: 3 })],
        }),
      loss: 'softmaxCrossEntropy',
      epochs,
      batch,
      learningRate,
    }),
  data({ clients }, random) {
    const points = (count: number, first: number) => {
      const labels = Array.from({ length: count }, (_, index) => (first + (index % 5 === 0 ? index : 0)) % 3)
      const features = labels.flatMap((label) => [label + random.uniform(), 2 - label + random.uniform()])
      return inMemoryExamples({ features: Float32Array.from(features), labels, shape: [2] })
    }
    const parts = Array.from({ length: clients }, (_, index) => points(10 + 3 * (index % 4), index))
    const test = points(60, 1)
    return { clients, client: (index) => parts[index] ?? test, test }
  },
  topology: ({ clients, topology, graph, asynchronous }) =>
    chosen('topology', topology, topologies)({ clients, graph, asynchronous }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})
