import { fedAvg, inMemoryExamples, layersLearner, twoTier, workload } from 'flame-fl/sdk'
import { madeDigits, side } from './made-digits.ts'

/**
 * Learns digits that people draw in pages. The server averages, and tests on digits of its own; drawings stay in the pages, which
 * give them to their flamelets as a dataset.
 */
export default workload({
  name: 'digits',
  settings: { rounds: 10, clients: 1, epochs: 3, batch: 8, learningRate: 0.1 },
  learner: ({ epochs, batch, learningRate }) =>
    layersLearner({
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.flatten({ inputShape: [side, side, 1] }),
            layers.dense({ units: 32, activation: 'relu' }),
            layers.dense({ units: 10 }),
          ],
        }),
      loss: 'softmaxCrossEntropy',
      learningRate,
      epochs,
      batch,
    }),
  data: ({ clients }) => ({
    clients,
    client: (index) => inMemoryExamples(madeDigits({ seed: index + 1, each: 5 })),
    test: () => inMemoryExamples(madeDigits({ seed: 0, each: 10 })),
  }),
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg(),
})
