import test from 'ava'
import fc from 'fast-check'
import type { TensorFlow } from '../../layers/tensorflow.ts'
import { usePlainTensorFlow } from '../agreement.contract.ts'
import {
  agrees,
  agreesOverWindows,
  between,
  type ImageCase,
  images,
  type Symbolic,
  slopesAgree,
  through,
} from '../agreement-properties.contract.ts'

test.before(usePlainTensorFlow)

type Layer = InstanceType<TensorFlow['layers']['Layer']>

/** A model that joins convolutions of an image, and the image itself, by a layer. */
function joined(
  { height, width, channels, ...rest }: ImageCase,
  join: (layers: TensorFlow['layers']) => Layer,
  countOf: (index: number) => number = () => channels,
  withInput = true,
) {
  const shape = [height, width, channels]
  return {
    ...rest,
    shape,
    model: (tf: TensorFlow) => {
      const input = tf.input({ shape })
      const conv = (filters: number, given: Symbolic) =>
        through(tf.layers.conv2d({ filters, kernelSize: 2, padding: 'same', activation: 'tanh' }), given)
      const first = conv(countOf(0), input)
      const second = conv(countOf(1), first)
      const all = through(join(tf.layers), withInput ? [second, input, first] : [second, first, second])
      const output = through(tf.layers.dense({ units: 3 }), through(tf.layers.flatten(), all))
      return tf.model({ inputs: input, outputs: output })
    },
  }
}

const joins: Readonly<Record<string, (layers: TensorFlow['layers']) => Layer>> = {
  'a sum': (layers) => layers.add(),
  'a mean': (layers) => layers.average(),
  'a product': (layers) => layers.multiply(),
  'a maximum': (layers) => layers.maximum(),
  'a minimum': (layers) => layers.minimum(),
}

/** TensorFlow.js computes these with broadcasting, but fails in their gradients. */
const unbroadcast = ['a maximum', 'a minimum']

for (const [name, join] of Object.entries(joins)) {
  test(`${name} of layers is that of TensorFlow.js`, async (t) => {
    const property = fc.asyncProperty(images, (image) => agrees(joined(image, join, undefined, image.seed % 3 > 0)))
    await t.notThrowsAsync(fc.assert(property, { numRuns: 5, includeErrorInReport: true }))
  })

  if (unbroadcast.includes(name)) continue
  test(`${name} repeats values along axes of length 1, and along axes that are missing`, async (t) => {
    const property = fc.asyncProperty(images, ({ height, width, channels, seed, ...rest }) => {
      const shape = [height, width, channels]
      return agrees({
        ...rest,
        seed,
        shape,
        model: (tf) => {
          const { layers } = tf
          const input = tf.input({ shape })
          const image = through(layers.conv2d({ filters: channels, kernelSize: 1, activation: 'tanh' }), input)
          const vector = through(layers.globalAveragePooling2d({}), image)
          const map = through(layers.conv2d({ filters: 1, kernelSize: 1 }), image)
          const others = [vector, through(layers.reshape({ targetShape: [1, 1, channels] }), vector), map, input]
          const all = through(join(layers), [image, ...others.slice(seed % 4), ...others.slice(0, seed % 2)])
          const output = through(layers.dense({ units: 3 }), through(layers.flatten(), all))
          return tf.model({ inputs: input, outputs: output })
        },
      })
    })
    await t.notThrowsAsync(fc.assert(property, { numRuns: 5, includeErrorInReport: true }))
  })
}

test('layers are joined along each axis as TensorFlow.js does', async (t) => {
  // TensorFlow.js takes any axis below 0 for the last one.
  const channelsDiffer = fc.asyncProperty(images, fc.constantFrom<number[]>(-1, 3), (image, axis) =>
    agrees(
      joined(
        image,
        (layers) => layers.concatenate({ axis }),
        (index) => index + image.channels,
      ),
    ),
  )
  await t.notThrowsAsync(fc.assert(channelsDiffer, { numRuns: 6, includeErrorInReport: true }))
  const otherAxes = fc.asyncProperty(images, fc.constantFrom<number[]>(1, 2), (image, axis) =>
    agrees(joined(image, (layers) => layers.concatenate({ axis }))),
  )
  await t.notThrowsAsync(fc.assert(otherAxes, { numRuns: 6, includeErrorInReport: true }))
  const vectors = fc.asyncProperty(images, ({ height, width, channels, ...rest }) =>
    agrees({
      ...rest,
      shape: [height, width, channels],
      model: (tf) => {
        const { layers } = tf
        const input = tf.input({ shape: [height, width, channels] })
        const flat = through(layers.flatten(), input)
        const dense = through(layers.dense({ units: 5 }), flat)
        const all = through(layers.concatenate(), [dense, flat, through(layers.globalMaxPooling2d({}), input), dense])
        return tf.model({ inputs: input, outputs: through(layers.dense({ units: 3 }), all) })
      },
    }),
  )
  await t.notThrowsAsync(fc.assert(vectors, { numRuns: 5, includeErrorInReport: true }))
})

test('a transposed convolution is that of TensorFlow.js, whatever its windows', async (t) => {
  await t.notThrowsAsync(
    agreesOverWindows(({ layers }, { size: kernelSize, strides, padding }) => [
      layers.conv2dTranspose({ filters: 5, kernelSize, strides, padding, activation: 'relu' }),
      layers.conv2dTranspose({ filters: 2, kernelSize: 2, useBias: false, activation: 'tanh' }),
      layers.flatten(),
    ]),
  )
})

test('larger images are those of TensorFlow.js, with the measured slopes as their gradients', async (t) => {
  // TensorFlow.js's own gradients are wrong, or fail where an image isn't square.
  const sizes = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
  const interpolations = fc.constantFrom<('nearest' | 'bilinear')[]>('nearest', 'bilinear')
  const property = fc.asyncProperty(images, sizes, interpolations, async (image, size, interpolation) => {
    const inner = ({ layers }: TensorFlow) => [layers.upSampling2d({ size, interpolation }), layers.flatten()]
    await agrees(between(image, inner, 'first'))
    await slopesAgree(between({ ...image, examples: image.examples + 1 }, inner))
  })
  await t.notThrowsAsync(fc.assert(property, { numRuns: 8, includeErrorInReport: true }))
})

test('gradients of joined and enlarged images are the measured slopes of the loss', async (t) => {
  const property = fc.asyncProperty(images, ({ height, width, channels, examples, ...rest }) =>
    slopesAgree({
      ...rest,
      examples: examples + 1,
      shape: [height, width, channels],
      model: (tf) => {
        const { layers } = tf
        const input = tf.input({ shape: [height, width, channels] })
        const first = through(layers.conv2d({ filters: 4, kernelSize: 2, padding: 'same', activation: 'tanh' }), input)
        const small = through(layers.averagePooling2d({ poolSize: 2, padding: 'same' }), first)
        const large = through(layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }), small)
        const twice = through(layers.upSampling2d({ interpolation: 'bilinear' }), small)
        const mean = through(layers.average(), [large, twice])
        const gate = through(layers.conv2d({ filters: 1, kernelSize: 1, activation: 'sigmoid' }), mean)
        const gated = through(layers.multiply(), [mean, gate, large])
        const whole = through(layers.upSampling2d({}), through(layers.averagePooling2d({ poolSize: 2 }), gated))
        const all = through(layers.concatenate({ axis: -3 }), [whole, gated])
        const output = through(layers.dense({ units: 3 }), through(layers.flatten(), all))
        return tf.model({ inputs: input, outputs: output })
      },
    }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 6, includeErrorInReport: true }))
})
