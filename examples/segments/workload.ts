import {
  type Examples,
  fedAvg,
  inMemoryExamples,
  join,
  type Layer,
  layersLearner,
  type ModelFunction,
  type RandomStream,
  randomStream,
  type SymbolicTensor,
  twoTier,
  workload,
} from 'flame-fl/sdk'

/** Height and width of a picture, in pixels. */
const side = 16

/**
 * Finds the pixels of a bright shape in noisy pictures by a U-shaped network: convolutions on smaller and smaller maps, and
 * then on larger ones, each beside the map of its size from the way down. Each client is a camera with a brightness and a
 * noise of its own. The pictures are drawn.
 *
 * @see Ronneberger et al., U-Net, MICCAI 2015.
 */
export default workload({
  name: 'segments',
  settings: {
    rounds: 15,
    clients: 30,
    fraction: 0.2,
    epochs: 1,
    batch: 10,
    learningRate: 0.5,
    filters: 8,
    /** Pictures of each camera. */
    samples: 60,
  },

  learner: ({ filters, learningRate, epochs, batch }) =>
    layersLearner({ model: uShaped(filters), loss: 'sigmoidCrossEntropy', learningRate, epochs, batch }),

  data({ clients, samples }, random) {
    const seed = random.uint32()
    const camera = (name: string | number, count: number) => pictures(count, randomStream(seed, 'camera', name))
    const cameras = Array.from({ length: 10 }, (_, index) => `test-${index}`)
    return {
      clients,
      client: (index) => camera(index, samples),
      test: () => join(cameras.map((name) => camera(name, 30))),
    }
  },
  topology: ({ clients }) => twoTier({ clients }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})

function uShaped(filters: number): ModelFunction {
  return (tf) => {
    const { layers } = tf
    const convolved = (count: number, given: SymbolicTensor) =>
      through(layers.conv2d({ filters: count, kernelSize: 3, padding: 'same', activation: 'relu' }), given)
    const smaller = (given: SymbolicTensor) => through(layers.maxPooling2d({ poolSize: 2 }), given)
    const larger = (count: number, given: SymbolicTensor, beside: SymbolicTensor) =>
      convolved(
        count,
        through(layers.concatenate(), [
          through(layers.conv2dTranspose({ filters: count, kernelSize: 2, strides: 2 }), given),
          beside,
        ]),
      )
    const input = tf.input({ shape: [side, side, 1] })
    const whole = convolved(filters, input)
    const half = convolved(2 * filters, smaller(whole))
    const quarter = convolved(4 * filters, smaller(half))
    const last = larger(filters, larger(2 * filters, quarter, half), whole)
    return tf.model({ inputs: input, outputs: through(layers.conv2d({ filters: 1, kernelSize: 1 }), last) })
  }
}

/** A layer's output. TensorFlow.js gives the output a wider type, for layers with several outputs. */
function through(layer: Layer, given: SymbolicTensor | SymbolicTensor[]): SymbolicTensor
function through(layer: Layer, given: SymbolicTensor | SymbolicTensor[]): unknown {
  return layer.apply(given)
}

/** Pictures of one camera, each with a disc or a rectangle, and its pixels as the target. */
function pictures(count: number, random: RandomStream): Examples {
  const between = (low: number, high: number) => low + (high - low) * random.uniform()
  const [light, noise] = [between(0.4, 0.9), between(0.3, 0.7)]
  const features = new Float32Array(count * side * side)
  const targets = new Uint8Array(count * side * side)
  for (let index = 0; index < count; index++) {
    const isDisc = random.uniform() < 0.5
    const [centreY, centreX] = [between(4, side - 4), between(4, side - 4)]
    const [reachY, reachX] = [between(2, 5), between(2, 5)]
    for (let pixel = 0; pixel < side * side; pixel++) {
      const y = (Math.floor(pixel / side) - centreY) / reachY
      const x = ((pixel % side) - centreX) / (isDisc ? reachY : reachX)
      const isInside = isDisc ? y * y + x * x < 1 : Math.max(Math.abs(y), Math.abs(x)) < 1
      const at = index * side * side + pixel
      targets[at] = Number(isInside)
      features[at] = Number(isInside) * light + noise * between(-1, 1)
    }
  }
  return inMemoryExamples({ features, targets, targetShape: [side, side, 1], shape: [side, side, 1] })
}
