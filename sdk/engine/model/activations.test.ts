import test from 'ava'
import fc from 'fast-check'
import { layersLearner } from '../../layers/layers-learner.ts'
import type { TensorFlow } from '../../layers/tensorflow.ts'
import { randomStream } from '../../random/random-stream.ts'
import { examplesOf, usePlainTensorFlow, weightsOf } from '../agreement.contract.ts'
import {
  agrees,
  agreesOverImages,
  between,
  type ImageCase,
  images,
  slopesAgree,
} from '../agreement-properties.contract.ts'

test.before(usePlainTensorFlow)

type Layer = InstanceType<TensorFlow['layers']['Layer']>

const names = [
  'elu',
  'gelu',
  'gelu_new',
  'hardSigmoid',
  'mish',
  'selu',
  'softmax',
  'softplus',
  'softsign',
  'swish',
] as const

for (const activation of names) {
  test(`${activation} is that of TensorFlow.js, of a dense layer and by itself`, async (t) => {
    const cases = fc.record({
      inputs: fc.integer({ min: 1, max: 20 }),
      units: fc.integer({ min: 1, max: 20 }),
      examples: fc.integer({ min: 1, max: 9 }),
      momentum: fc.constantFrom(0, 0.5),
      seed: fc.integer({ min: 1, max: 1_000_000 }),
    })
    const property = fc.asyncProperty(cases, ({ inputs, units, ...rest }) =>
      agrees({
        ...rest,
        shape: [inputs],
        model: ({ layers, sequential }) =>
          sequential({
            layers: [
              layers.dense({ units: 7, inputShape: [inputs] }),
              layers.dense({ units, activation }),
              layers.activation({ activation }),
              layers.dense({ units: 3 }),
            ],
          }),
      }),
    )
    await t.notThrowsAsync(fc.assert(property, { numRuns: 6, includeErrorInReport: true }))
  })
}

const single: Readonly<Record<string, (tf: TensorFlow, image: ImageCase) => Layer>> = {
  'an ELU layer': ({ layers }) => layers.elu(),
  'a PReLU layer with a slope for each value': ({ layers }) => layers.prelu({ alphaInitializer: 'randomNormal' }),
  'a PReLU layer with a slope for each channel': ({ layers }) => layers.prelu({ sharedAxes: [1, 2] }),
  'a softmax layer over the channels': ({ layers }) => layers.softmax({ axis: -1 }),
  'layer normalization': ({ layers }) => layers.layerNormalization({ epsilon: 0.01 }),
}
for (const [what, layer] of Object.entries(single)) {
  test(`${what} is that of TensorFlow.js, also as the first layer`, async (t) => {
    await t.notThrowsAsync(agreesOverImages((tf, image) => [layer(tf, image), tf.layers.flatten()]))
  })
}

test('layer normalization of a vector is that of TensorFlow.js', async (t) => {
  await t.notThrowsAsync(
    agreesOverImages(({ layers }) => [layers.flatten(), layers.layerNormalization({ axis: 1, epsilon: 0.1 })]),
  )
})

test('a relu with a threshold of 0 is a relu, and passes nothing up to a higher threshold', async (t) => {
  const image: ImageCase = { height: 2, width: 3, channels: 3, examples: 4, momentum: 0, epochs: 2, seed: 5 }
  const trained = async (layer: (tf: TensorFlow) => Layer) => {
    const comparison = between(image, (tf) => [layer(tf), tf.layers.flatten()])
    const steps = { learningRate: 0.1, epochs: 2, batch: 4, engine: 'engine' } as const
    const learner = await layersLearner({ model: comparison.model, loss: 'softmaxCrossEntropy', ...steps })
    const weights = await weightsOf(learner, comparison)
    return learner.train({ weights, examples: examplesOf(comparison), random: randomStream(1, 'train') })
  }
  const relu = await trained(({ layers }) => layers.reLU())
  t.deepEqual(await trained(({ layers }) => layers.thresholdedReLU({ theta: 0 })), relu)
  const none = await trained(({ layers }) => layers.thresholdedReLU({ theta: 100 }))
  const kernel = none.delta.subarray(0, 6)
  t.true(kernel.every((value) => value === 0))
  t.true(relu.delta.subarray(0, 6).some((value) => value !== 0))
})

test('gradients of smooth activations and of layer normalization are the measured slopes of the loss', async (t) => {
  const property = fc.asyncProperty(images, (image) =>
    slopesAgree(
      between({ ...image, examples: image.examples + 1 }, ({ layers }) => [
        layers.activation({ activation: 'gelu' }),
        // TensorFlow.js has no gradient of this layer without a scale or a centre.
        layers.layerNormalization({ epsilon: 0.1, scale: false, center: image.seed % 2 > 0 }),
        layers.conv2d({ filters: 5, kernelSize: 1, activation: 'softplus' }),
        layers.softmax({ axis: 3 }),
        layers.conv2d({ filters: 3, kernelSize: 1, activation: 'mish' }),
        layers.flatten(),
      ]),
    ),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 10, includeErrorInReport: true }))
})
