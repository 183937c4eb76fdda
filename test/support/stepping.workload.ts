import { fedAvg, inMemoryExamples, type Learner, twoTier, workload } from 'flame-fl/sdk'

/** Weights grow by `step` in each round, whatever the data are: the models of a job say with which model it began. */
const examples = inMemoryExamples({ features: Uint8Array.of(0), labels: [0], shape: [1] })

export default workload({
  name: 'stepping',
  settings: { rounds: 3, clients: 3, step: 1, size: 8 },
  learner: ({ step, size }): Learner => ({
    layout: { tensors: [{ name: 'weights', shape: [size] }], size },
    initialWeights: async () => new Float32Array(size),
    train: async () => ({ delta: new Float32Array(size).fill(step), samples: 1, metrics: { loss: 0 } }),
    evaluate: async () => ({ samples: 1, metrics: { loss: 0, accuracy: 0 } }),
  }),
  data: ({ clients }) => ({ clients, client: () => examples, test: examples }),
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg(),
})
