import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import { randomStream } from '../random/random-stream.ts'
import { workload } from '../workload/workload.ts'

export const inputs = 4

/** Examples of a client, numbered in the column `number`, in groups 0 and 1. */
export function examplesOf(client: number) {
  const random = randomStream(7, client)
  const count = 12 + client
  return inMemoryExamples({
    features: Float32Array.from({ length: count * inputs }, () => random.uniform() - 0.5),
    labels: Uint8Array.from({ length: count }, (_, index) => index % 3),
    shape: [inputs],
    columns: {
      number: Array.from({ length: count }, (_, index) => index),
      group: new Uint8Array(count).fill(client % 2),
    },
  })
}

/** A small model of layers, on the engine or on TensorFlow.js, with a setting for held-out examples. */
export default workload({
  name: 'requests',
  settings: { rounds: 1, clients: 3, engine: 'engine', heldOut: 0.25 },
  learner: ({ engine }) =>
    layersLearner({
      engine: engine === 'engine' ? 'engine' : 'tensorflow',
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.dense({ units: 5, activation: 'relu', inputShape: [inputs] }),
            layers.dropout({ rate: 0.3 }),
            layers.dense({ units: 3 }),
          ],
        }),
      loss: 'softmaxCrossEntropy',
      learningRate: 0.1,
      epochs: 2,
      batch: 4,
      momentum: 0.9,
    }),
  data: ({ clients, heldOut }) => ({
    clients,
    client: examplesOf,
    label: (client) => 2 - client,
    test: examplesOf(99),
    root: () => examplesOf(50),
    heldOut,
  }),
  topology: () => ({ schema: { name: 'none', roles: [], channels: [] }, dataSpec: [] }),
  strategy: () => {
    throw new Error('not used')
  },
})
