import { groupNormalization, type Layer, type ModelFunction, type SymbolicTensor } from '../../sdk/index.ts'

/** The 2NN of McMahan et al. 2017. */
export const twoHiddenLayers: ModelFunction = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.flatten({ inputShape: [28, 28] }),
      layers.dense({ units: 200, activation: 'relu' }),
      layers.dense({ units: 200, activation: 'relu' }),
      layers.dense({ units: 10 }),
    ],
  })

/**
 * A model with every layer of the engine that takes an image, for images of 12 × 12 × 3. The engine computes the first
 * and the strided convolution by windows, and the second by Winograd's tiles.
 */
export function everyImageLayer(normalization: 'batch' | 'group', outputs: number): ModelFunction {
  return (tf) => {
    const { layers } = tf
    const normalized = (input: SymbolicTensor) =>
      through(normalization === 'batch' ? layers.batchNormalization() : groupNormalization({ groups: 4 }), input)
    const input = tf.input({ shape: [12, 12, 3] })
    const wide = through(layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }), input)
    const tiled = through(layers.conv2d({ filters: 8, kernelSize: 5, padding: 'same', activation: 'tanh' }), wide)
    const branch = through(layers.depthwiseConv2d({ kernelSize: 3, padding: 'same' }), normalized(tiled))
    const joined = through(layers.add(), [branch, wide])
    const end = [
      layers.leakyReLU({ alpha: 0.1 }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.zeroPadding2d({ padding: 1 }),
      layers.conv2d({ filters: 12, kernelSize: 3, strides: 2, activation: 'sigmoid' }),
      layers.averagePooling2d({ poolSize: 2, strides: 1, padding: 'same' }),
      layers.dropout({ rate: 0.25 }),
    ].reduce((given, layer) => through(layer, given), joined)
    const mean = through(layers.globalAveragePooling2d({}), end)
    const flat = through(layers.flatten(), end)
    const halves = [mean, flat].map((half) => through(layers.dense({ units: 9, activation: 'relu6' }), half))
    const output = through(
      layers.dense({ units: outputs }),
      through(layers.reLU({ maxValue: 3 }), through(layers.add(), halves)),
    )
    return tf.model({ inputs: input, outputs: output })
  }
}

/** A model with an embedding of 50 numbers, for lists of 12 numbers. */
export const embeddedNumbers: ModelFunction = ({ layers, sequential }) =>
  sequential({
    layers: [
      layers.embedding({ inputDim: 50, outputDim: 10, inputLength: 12 }),
      layers.globalAveragePooling1d({}),
      layers.reshape({ targetShape: [10] }),
      layers.dense({ units: 8, activation: 'tanh' }),
      layers.dense({ units: 1 }),
    ],
  })

/** A layer's output. TensorFlow.js gives the output a wider type, for layers with several outputs. */
function through(layer: Layer, given: SymbolicTensor | SymbolicTensor[]): SymbolicTensor
function through(layer: Layer, given: SymbolicTensor | SymbolicTensor[]): unknown {
  return layer.apply(given)
}
