import test from 'ava'
import fc from 'fast-check'
import { groupNormalization } from '../../layers/group-normalization.ts'
import { usePlainTensorFlow } from '../agreement.contract.ts'
import {
  agrees,
  agreesOverImages,
  agreesOverWindows,
  between,
  type ImageCase,
  images,
  type Symbolic,
  slopesAgree,
  through,
} from '../agreement-properties.contract.ts'

test.before(usePlainTensorFlow)

const divisor = ({ channels, seed }: ImageCase) => {
  const divisors = [1, 2, 3, 5, channels].filter((groups) => channels % groups === 0)
  return divisors[seed % divisors.length] ?? 1
}

test('a dense layer is that of TensorFlow.js, whatever its size and activation', async (t) => {
  const cases = fc.record({
    inputs: fc.integer({ min: 1, max: 40 }),
    units: fc.integer({ min: 1, max: 20 }),
    examples: fc.integer({ min: 1, max: 9 }),
    momentum: fc.constantFrom(0, 0.5),
    useBias: fc.boolean(),
    activation: fc.constantFrom<('linear' | 'relu' | 'relu6' | 'sigmoid' | 'tanh')[]>(
      'linear',
      'relu',
      'relu6',
      'sigmoid',
      'tanh',
    ),
  })
  const property = fc.asyncProperty(cases, ({ inputs, units, useBias, activation, ...rest }) =>
    agrees({
      ...rest,
      shape: [inputs],
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.dense({ units: 7, inputShape: [inputs] }),
            layers.dense({ units, useBias, activation }),
            layers.dense({ units: 3 }),
          ],
        }),
    }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 40, includeErrorInReport: true }))
})

test('a convolution is that of TensorFlow.js, whatever its windows', async (t) => {
  await t.notThrowsAsync(
    agreesOverWindows(({ layers }, { size: kernelSize, strides, padding }) => [
      layers.conv2d({ filters: 5, kernelSize, strides, padding, activation: 'relu' }),
      layers.conv2d({ filters: 2, kernelSize: [1, 1], useBias: false, activation: 'sigmoid' }),
      layers.flatten(),
    ]),
  )
})

test('a depthwise convolution is that of TensorFlow.js', async (t) => {
  await t.notThrowsAsync(
    agreesOverWindows(({ layers }, { size: kernelSize, strides: [stride], padding }) => [
      layers.depthwiseConv2d({ kernelSize, strides: [stride, stride], padding, activation: 'tanh' }),
      layers.flatten(),
    ]),
  )
})

test('max pooling is that of TensorFlow.js', async (t) => {
  await t.notThrowsAsync(
    agreesOverWindows(({ layers }, { size: poolSize, strides, padding }) => [
      layers.maxPooling2d({ poolSize, strides, padding }),
      layers.flatten(),
    ]),
  )
})

test('average pooling counts only what lies in the image, and its gradient too', async (t) => {
  // TensorFlow.js's own gradient divides by the whole window, also where a part lies outside of the image.
  await t.notThrowsAsync(
    agreesOverWindows(
      ({ layers }, { size: poolSize, strides, padding }) => [
        layers.averagePooling2d({ poolSize, strides, padding }),
        layers.flatten(),
      ],
      async (comparison, { padding }) => {
        if (padding === 'valid') await agrees(comparison)
        else await agrees({ ...comparison, epochs: 1 }, ['trainingLoss', 'evaluationLoss'])
        await slopesAgree(comparison)
      },
    ),
  )
})

test('means over all positions are those of TensorFlow.js', async (t) => {
  await t.notThrowsAsync(agreesOverImages(({ layers }) => [layers.globalAveragePooling2d({})]))
})

test('activations by themselves are those of TensorFlow.js, also of a flattened image', async (t) => {
  await t.notThrowsAsync(
    agreesOverImages(({ layers }) => [
      layers.activation({ activation: 'tanh' }),
      layers.leakyReLU({ alpha: 0.2 }),
      layers.activation({ activation: 'sigmoid' }),
      layers.reLU({ maxValue: 0.55 }),
      layers.flatten(),
      layers.activation({ activation: 'sigmoid' }),
    ]),
  )
})

test('batch normalization is that of TensorFlow.js, moving means included', async (t) => {
  await t.notThrowsAsync(
    agreesOverImages(({ layers }) => [layers.batchNormalization({ momentum: 0.8, epsilon: 0.01 }), layers.flatten()]),
  )
  await t.notThrowsAsync(
    agreesOverImages(({ layers }) => [
      layers.flatten(),
      layers.batchNormalization({ epsilon: 0.1 }),
      layers.activation({ activation: 'relu' }),
    ]),
  )
})

test('group normalization does the same in the engine and on TensorFlow.js', async (t) => {
  await t.notThrowsAsync(
    agreesOverImages(({ layers }, image) => [
      groupNormalization({
        groups: divisor(image),
        epsilon: 0.01,
        center: image.seed % 3 > 0,
        scale: image.seed % 5 > 0,
      }),
      layers.flatten(),
    ]),
  )
  await t.notThrowsAsync(
    agreesOverImages(({ layers }) => [layers.flatten(), groupNormalization({ groups: 1, epsilon: 0.1 })]),
  )
})

test('reshaping and rims of zeros are those of TensorFlow.js', async (t) => {
  await t.notThrowsAsync(
    agreesOverImages(({ layers }, { height, width, channels }) => [
      layers.reshape({ targetShape: [width, channels, height] }),
      layers.zeroPadding2d({
        padding: [
          [1, 0],
          [2, 1],
        ],
      }),
      layers.activation({ activation: 'tanh' }),
      layers.flatten(),
      layers.reshape({ targetShape: [height, (width + 1) * (channels + 3)] }),
      layers.flatten(),
    ]),
  )
})

test('a table’s rows are looked up and trained as TensorFlow.js does', async (t) => {
  const cases = fc.record({
    length: fc.integer({ min: 1, max: 9 }),
    outputDim: fc.integer({ min: 1, max: 10 }),
    examples: fc.integer({ min: 1, max: 6 }),
    momentum: fc.constantFrom(0, 0.5),
    pooled: fc.boolean(),
  })
  const property = fc.asyncProperty(cases, ({ length, outputDim, pooled, ...rest }) =>
    agrees({
      ...rest,
      shape: [length],
      numbers: 5,
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.embedding({ inputDim: 5, outputDim, inputLength: length }),
            pooled ? layers.globalAveragePooling1d({}) : layers.flatten(),
            layers.dense({ units: 3 }),
          ],
        }),
    }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 20, includeErrorInReport: true }))
})

test('residual additions sum the gradients of all that take a tensor', async (t) => {
  const property = fc.asyncProperty(images, ({ height, width, channels, ...rest }) =>
    agrees({
      ...rest,
      shape: [height, width, channels],
      model: (tf) => {
        const input = tf.input({ shape: [height, width, channels] })
        const conv = (count: number, given: Symbolic) =>
          through(tf.layers.conv2d({ filters: count, kernelSize: 3, padding: 'same', activation: 'relu' }), given)
        const first = conv(3, input)
        const second = conv(3, first)
        const sum = through(tf.layers.add(), [conv(3, second), first, second, first])
        const twice = through(tf.layers.add(), [conv(channels, sum), input])
        const output = through(tf.layers.dense({ units: 3 }), through(tf.layers.globalAveragePooling2d({}), twice))
        return tf.model({ inputs: input, outputs: output })
      },
    }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 15, includeErrorInReport: true }))
})

test('gradients are the measured slopes of the loss', async (t) => {
  const property = fc.asyncProperty(images, async (given) => {
    const image = { ...given, examples: given.examples + 1 }
    const smooth = between(image, ({ layers }) => [
      layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', activation: 'sigmoid' }),
      layers.batchNormalization({ epsilon: 0.1 }),
      layers.conv2d({ filters: 4, kernelSize: 2, strides: 2, padding: 'same', activation: 'tanh' }),
      groupNormalization({ groups: 2, epsilon: 0.1 }),
      layers.averagePooling2d({ poolSize: 2, padding: 'same' }),
      layers.flatten(),
    ])
    await slopesAgree(smooth)
  })
  await t.notThrowsAsync(fc.assert(property, { numRuns: 20, includeErrorInReport: true }))
})
