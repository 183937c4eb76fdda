import { fedAvg, inMemoryExamples, layersLearner, twoTier, workload } from 'flame-fl/sdk'
import { readCsv } from 'flame-fl/sdk/node'

const outputs = {
  classes: { units: 3, activation: 'softmax', loss: 'softmaxCrossEntropy' },
  label: { units: 1, activation: 'sigmoid', loss: 'sigmoidCrossEntropy' },
  logit: { units: 1, activation: 'linear', loss: 'sigmoidCrossEntropy' },
  value: { units: 1, activation: 'linear', loss: 'meanSquaredError' },
} as const

/** A workload of two features, with outputs of several kinds. Its test set is a file that `--data` names. */
export default workload({
  name: 'triage',
  settings: { rounds: 2, clients: 2, kind: 'classes', batch: 4 },
  learner: ({ kind, batch }) => {
    const found = Object.entries(outputs).find(([name]) => name === kind)
    const { units, activation, loss } = found?.[1] ?? outputs.classes
    return layersLearner({
      model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ units, activation, inputShape: [2] })] }),
      ...{ loss, learningRate: 0.1, epochs: 1, batch },
    })
  },
  data: (_settings, _random, datasets) => ({
    clients: 2,
    client: (index) =>
      inMemoryExamples({ features: Float32Array.of(0, 1, 1, 0, 1, 1), labels: [0, 1, index], shape: [2] }),
    test: () => readCsv(datasets.path('test'), { label: 'ward', id: 'patient', classes: ['north', 'south', 'west'] }),
  }),
  topology: () => twoTier({ clients: 2 }),
  strategy: () => fedAvg({ fraction: 1 }),
})
