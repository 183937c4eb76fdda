import {
  type Examples,
  fedAvg,
  inMemoryExamples,
  layersLearner,
  type RandomStream,
  twoTier,
  workload,
} from 'flame-fl/sdk'

/** Learns whether a point lies inside of a circle. Each client has points of its own. */
export default workload({
  name: 'circle',
  settings: { rounds: 5, clients: 3, points: 600, learningRate: 0.3, epochs: 5, batch: 10 },

  learner: ({ learningRate, epochs, batch }) =>
    layersLearner({
      model: ({ layers, sequential }) =>
        sequential({
          layers: [layers.dense({ inputShape: [2], units: 16, activation: 'relu' }), layers.dense({ units: 2 })],
        }),
      loss: 'softmaxCrossEntropy',
      learningRate,
      epochs,
      batch,
    }),

  data({ clients, points }, random) {
    const parts = Array.from({ length: clients }, () => pointsOf(points, random))
    const test = pointsOf(2000, random)
    return { clients, client: (index) => parts[index] ?? test, test }
  },

  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg(),
})

/** Points of a square. Points in the circle around its middle that covers half of its area have label 1. */
function pointsOf(count: number, random: RandomStream): Examples {
  const features = Float32Array.from({ length: 2 * count }, () => 2 * random.uniform() - 1)
  const labels = Uint8Array.from({ length: count }, (_, index) => {
    const [x = 0, y = 0] = features.subarray(2 * index)
    return x * x + y * y < 2 / Math.PI ? 1 : 0
  })
  return inMemoryExamples({ features, labels, shape: [2] })
}
