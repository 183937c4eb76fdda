import {
  chosen,
  fedAvg,
  inMemoryExamples,
  layersLearner,
  randomStream,
  scaffold,
  splitSettings,
  topologies,
  workload,
} from 'flame-fl/sdk'

const shape = [6, 6, 1]
const size = 36

/** Examples of a client: blots in one of three corners. */
export function drawings(client: number) {
  const random = randomStream(11, client)
  const labels = Uint8Array.from({ length: 40 + client }, (_, index) => (index + client) % 3)
  const features = new Uint8Array(labels.length * size)
  for (const [index, label] of labels.entries())
    for (let pixel = 0; pixel < size; pixel++)
      features[index * size + pixel] = Math.floor(random.uniform() * (Math.floor(pixel / 12) === label ? 255 : 60))
  return { features, labels, shape }
}

/** A small convolution on the engine, for pages and for Node. */
export default workload({
  name: 'drawn',
  settings: { rounds: 3, clients: 3, epochs: 2, algorithm: 'fedavg', topology: 'two-tier', ...splitSettings },
  learner: ({ epochs }) =>
    layersLearner({
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.conv2d({ inputShape: shape, filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
            layers.maxPooling2d({ poolSize: 2 }),
            layers.flatten(),
            layers.dense({ units: 3 }),
          ],
        }),
      loss: 'softmaxCrossEntropy',
      learningRate: 0.05,
      epochs,
      batch: 8,
    }),
  data: ({ clients }) => ({
    clients,
    client: (index) => inMemoryExamples(drawings(index)),
    test: () => inMemoryExamples(drawings(99)),
  }),
  topology: ({ clients, topology }) => chosen('topology', topology, topologies)({ clients }),
  // With SCAFFOLD, a client has state of its own that outlives rounds.
  strategy: ({ algorithm }) => (algorithm === 'scaffold' ? scaffold() : fedAvg({ fraction: 1 })),
})
