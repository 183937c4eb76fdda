import { chosen, fedAvg, inMemoryExamples, type Learner, topologies, workload } from 'flame-fl/sdk'

/** Trains with a learner that does almost nothing, so that the costs of everything else show. */
const size = 1_000
const examples = inMemoryExamples({ features: Uint8Array.of(0), labels: [0], shape: [1] })

const learner: Learner = {
  layout: { tensors: [{ name: 'weights', shape: [size] }], size },
  initialWeights: async () => new Float32Array(size),
  train: async ({ random }) => ({
    delta: new Float32Array(size).fill(random.uniform() - 0.5),
    samples: 1,
    metrics: { loss: 0 },
  }),
  evaluate: async (weights) => ({
    samples: 1,
    metrics: { loss: Math.abs(weights[0] ?? 0), accuracy: 0 },
  }),
}

export default workload({
  name: 'trivial',
  settings: {
    rounds: 10,
    clients: 10_000,
    fraction: 0.1,
    topology: 'two-tier',
    levels: 2,
    graph: 'ring',
    asynchronous: false,
  },
  learner: () => learner,
  data: ({ clients }) => ({ clients, client: () => examples, test: examples }),
  topology: ({ clients, topology, levels, graph, asynchronous }) =>
    chosen('topology', topology, topologies)({ clients, levels, graph, asynchronous }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})
