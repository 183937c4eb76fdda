import {
  type Examples,
  fedAvg,
  inMemoryExamples,
  join,
  layersLearner,
  type RandomStream,
  randomStream,
  twoTier,
  workload,
} from 'flame-fl/sdk'

/** Most steps of a window: four seconds at 10 Hz. Shorter windows end with zeros, which the model masks. */
const steps = 40
const axes = 3

/** Kinds of movement: repetitions in a step, and the strength on each axis. */
const kinds = [
  { name: 'rest', pace: 0.02, strength: [0.05, 0.05, 0.1] },
  { name: 'walk', pace: 0.1, strength: [0.4, 0.3, 1] },
  { name: 'run', pace: 0.22, strength: [0.8, 0.5, 2] },
  { name: 'cycle', pace: 0.12, strength: [1, 0.9, 0.2] },
  { name: 'climb', pace: 0.07, strength: [0.3, 0.9, 0.9] },
]

/**
 * Recognises kinds of movement in windows of an accelerometer by a recurrent layer. Each client is a device, whose
 * owner moves faster or slower, harder or softer than others.
 */
export default workload({
  name: 'movement',
  settings: {
    rounds: 20,
    clients: 100,
    fraction: 0.1,
    epochs: 2,
    batch: 10,
    learningRate: 1,
    units: 16,
    /** Windows of each device. */
    samples: 60,
  },

  learner: ({ units, learningRate, epochs, batch }) =>
    layersLearner({
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.masking({ inputShape: [steps, axes] }),
            layers.gru({ units, recurrentActivation: 'sigmoid' }),
            layers.dense({ units: kinds.length }),
          ],
        }),
      loss: 'softmaxCrossEntropy',
      learningRate,
      epochs,
      batch,
    }),

  data({ clients, samples }, random) {
    const seed = random.uint32()
    const device = (kind: 'client' | 'test', index: number) => windows(samples, randomStream(seed, kind, index))
    const others = () => join(Array.from({ length: 20 }, (_, index) => device('test', index)))
    return { clients, client: (index) => device('client', index), test: others }
  },
  topology: ({ clients }) => twoTier({ clients }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})

/** Windows of one device's movements. */
function windows(count: number, random: RandomStream): Examples {
  const between = (low: number, high: number) => low + (high - low) * random.uniform()
  const [own, force] = [between(0.85, 1.15), between(0.7, 1.3)]
  const features = new Float32Array(count * steps * axes)
  const labels = Uint8Array.from({ length: count }, () => random.below(kinds.length))
  for (const [index, label] of labels.entries()) {
    const { pace = 0, strength = [] } = kinds[label] ?? {}
    const length = steps / 2 + random.below(1 + steps / 2)
    const phases = strength.map(() => random.uniform())
    for (let step = 0; step < length; step++) {
      for (const [axis, most] of strength.entries()) {
        const swing = wave(own * pace * step + (phases[axis] ?? 0))
        features[(index * steps + step) * axes + axis] = force * most * swing + between(-0.2, 0.2)
      }
    }
  }
  return inMemoryExamples({ features, labels, shape: [steps, axes] })
}

/** A triangle between −1 and 1 in each repetition. A sine's bits would differ between machines. */
function wave(time: number): number {
  return 4 * Math.abs(time - Math.floor(time) - 0.5) - 1
}
