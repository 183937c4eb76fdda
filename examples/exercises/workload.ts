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

/** A window of a watch's motion: 64 steps of three axes of acceleration and three of rotation. */
const steps = 64
const axes = 6

/** Exercises of the shoulder: repetitions in a step, and the strength on each axis. */
const exercises = [
  { name: 'pendulum', pace: 0.03, strength: [0.9, 0.2, 0.1, 0.2, 1, 0.1] },
  { name: 'abduction', pace: 0.02, strength: [0.2, 1, 0.5, 0.9, 0.1, 0.2] },
  { name: 'forward elevation', pace: 0.02, strength: [0.3, 0.4, 1, 0.2, 0.9, 0.3] },
  { name: 'internal rotation', pace: 0.04, strength: [0.3, 0.2, 0.2, 0.2, 0.2, 1.2] },
  { name: 'external rotation', pace: 0.05, strength: [0.2, 0.3, 0.2, 0.1, 0.3, 1.1] },
  { name: 'trapezius extension', pace: 0.03, strength: [0.2, 0.8, 0.9, 0.4, 0.3, 0.2] },
  { name: 'upright row', pace: 0.06, strength: [0.5, 0.5, 1.2, 0.5, 0.4, 0.1] },
]

/**
 * Recognises exercises in windows of a watch's motion by convolutions along time. Each client is a person, who moves faster
 * or slower, harder or softer than others, and wears the watch turned. The windows are drawn.
 */
export default workload({
  name: 'exercises',
  settings: {
    rounds: 15,
    clients: 40,
    fraction: 0.25,
    epochs: 2,
    batch: 10,
    learningRate: 0.1,
    /** Windows of each person. */
    samples: 60,
  },

  learner: ({ learningRate, epochs, batch }) =>
    layersLearner({
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.conv1d({ filters: 16, kernelSize: 5, activation: 'relu', inputShape: [steps, axes] }),
            layers.maxPooling1d({ poolSize: 2 }),
            layers.conv1d({ filters: 32, kernelSize: 5, activation: 'relu' }),
            layers.globalMaxPooling1d({}),
            layers.dense({ units: exercises.length }),
          ],
        }),
      loss: 'softmaxCrossEntropy',
      learningRate,
      epochs,
      batch,
    }),

  data({ clients, samples }, random) {
    const seed = random.uint32()
    const person = (name: string | number, count: number) => windows(count, randomStream(seed, 'person', name))
    const people = Array.from({ length: 20 }, (_, index) => `test-${index}`)
    return {
      clients,
      client: (index) => person(index, samples),
      test: () => join(people.map((name) => person(name, 50))),
    }
  },
  topology: ({ clients }) => twoTier({ clients }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})

/** Windows of one person's exercises. */
function windows(count: number, random: RandomStream): Examples {
  const between = (low: number, high: number) => low + (high - low) * random.uniform()
  const [pace, force] = [between(0.8, 1.25), between(0.7, 1.3)]
  const tilt = Array.from({ length: axes }, () => between(-0.3, 0.3))
  const features = new Float32Array(count * steps * axes)
  const labels = Uint8Array.from({ length: count }, () => random.below(exercises.length))
  for (const [index, label] of labels.entries()) {
    const exercise = exercises[label]
    if (!exercise) continue
    const begin = random.uniform()
    for (let step = 0; step < steps; step++) {
      for (const [axis, strength] of exercise.strength.entries()) {
        const swing = wave(begin + pace * exercise.pace * step + axis / axes)
        features[(index * steps + step) * axes + axis] =
          force * strength * swing + (tilt[axis] ?? 0) + between(-0.3, 0.3)
      }
    }
  }
  return inMemoryExamples({ features, labels, shape: [steps, axes] })
}

/** A triangle between −1 and 1 in each repetition. A sine's bits would differ between machines. */
function wave(time: number): number {
  return 4 * Math.abs(time - Math.floor(time) - 0.5) - 1
}
