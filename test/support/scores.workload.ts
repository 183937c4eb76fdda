import {
  fedAvg,
  inMemoryExamples,
  type Layer,
  type LossName,
  layersLearner,
  type OutputLosses,
  type SymbolicTensor,
  spread,
  type TensorFlow,
  twoTier,
  workload,
} from 'flame-fl/sdk'
import { decodeCsv } from 'flame-fl/sdk/formats'
import { readCsv } from 'flame-fl/sdk/node'

const count = 40
const losses: Readonly<Record<string, LossName | OutputLosses>> = {
  squared: 'meanSquaredError',
  absolute: 'meanAbsoluteError',
  huber: 'huber',
  labels: 'sigmoidCrossEntropy',
  several: { losses: { mood: 'mse', others: 'huber' }, weights: { others: 0.5 } },
}

const values = (loss: string, index: number): [features: number[], targets: number[]] => {
  const features = [index / 40, ((index * 7) % 11) / 8]
  const targets = [features[0]! - features[1]!, features[0]! * 2, features[1]! / 2]
  return [features, loss === 'labels' ? targets.map((value) => Number(value > 0.4)) : targets]
}

/** The examples as a csv file with three columns of targets. */
export function scoresCsv(loss: string): string {
  const rows = Array.from({ length: count }, (_, index) => values(loss, index).flat().join(','))
  return `age,pulse,mood,sleep,pain\n${rows.join('\n')}\n`
}

function inMemory(loss: string) {
  const rows = Array.from({ length: count }, (_, index) => values(loss, index))
  return inMemoryExamples({
    features: Float32Array.from(rows.flatMap(([features]) => features)),
    shape: [2],
    targets: Float32Array.from(rows.flatMap(([, targets]) => targets)),
    targetShape: [3],
  })
}

const single =
  (activation: 'sigmoid' | 'linear') =>
  ({ layers, sequential }: TensorFlow) =>
    sequential({
      layers: [layers.dense({ units: 4, activation: 'tanh', inputShape: [2] }), layers.dense({ units: 3, activation })],
    })

/** Two outputs: one value, and two. */
function several({ layers, model, input }: TensorFlow) {
  const inputs = input({ shape: [2] })
  const outputs = [layers.dense({ units: 1, name: 'mood' }), layers.dense({ units: 2, name: 'others' })].map((layer) =>
    applied(layer, inputs),
  )
  return model({ inputs, outputs })
}

function applied(layer: Layer, input: SymbolicTensor): SymbolicTensor
function applied(layer: Layer, input: SymbolicTensor): unknown {
  return layer.apply(input)
}

/** Three targets of an example, from a csv file, from a csv text, or from memory. */
export default workload({
  name: 'scores',
  settings: { rounds: 2, clients: 2, loss: 'squared', from: 'memory', partition: 'iid' },
  learner: ({ loss }) =>
    layersLearner({
      model: loss === 'several' ? several : single(loss === 'labels' ? 'sigmoid' : 'linear'),
      ...{ loss: losses[loss] ?? 'meanSquaredError', learningRate: 0.1, epochs: 1, batch: 4 },
    }),
  data: async ({ clients, loss, from, partition: scheme }, random, datasets) => {
    const targets = ['mood', 'sleep', 'pain']
    const examples =
      from === 'file'
        ? await readCsv(datasets.path('scores'), { targets })
        : from === 'text'
          ? decodeCsv(scoresCsv(loss), 'scores.csv', { targets })
          : inMemory(loss)
    return { ...spread({ examples, clients, scheme, random }), test: examples, heldOut: 0.2 }
  },
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg({ fraction: 1, clientEvaluation: 1 }),
})
