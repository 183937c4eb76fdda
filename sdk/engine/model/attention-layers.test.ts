import test from 'ava'
import fc from 'fast-check'
import type { Examples } from '../../data/examples.ts'
import { multiHeadAttention, positionEmbedding, sinePositionEncoding } from '../../layers/attention.ts'
import { layersLearner } from '../../layers/layers-learner.ts'
import type { TensorFlow } from '../../layers/tensorflow.ts'
import { randomStream } from '../../random/random-stream.ts'
import { type Comparison, examplesOf, usePlainTensorFlow, weightsOf } from '../agreement.contract.ts'
import { agrees, type Symbolic, slopesAgree, through } from '../agreement-properties.contract.ts'
import { engineModel } from '../engine-learner.ts'
import { sinePositions } from '../ops/positions.ts'

test.before(usePlainTensorFlow)

const attentions = fc.record({
  steps: fc.integer({ min: 1, max: 9 }),
  channels: fc.integer({ min: 1, max: 10 }),
  numHeads: fc.integer({ min: 1, max: 3 }),
  keyDim: fc.integer({ min: 1, max: 9 }),
  optional: fc.record(
    { valueDim: fc.integer({ min: 1, max: 9 }), outputShape: fc.integer({ min: 1, max: 9 }) },
    { requiredKeys: [] },
  ),
  useBias: fc.boolean(),
  useCausalMask: fc.boolean(),
  /** How many inputs the layer has, and whether query and value are the same. */
  inputs: fc.constantFrom<('x' | 'xx' | 'xxx' | 'xy' | 'xyy' | 'xyz' | 'xxy')[]>(
    'x',
    'xx',
    'xxx',
    'xy',
    'xyy',
    'xyz',
    'xxy',
  ),
  examples: fc.integer({ min: 1, max: 5 }),
  momentum: fc.constantFrom(0, 0.5),
  epochs: fc.constantFrom(1, 3),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
})
type AttentionCase = typeof attentions extends fc.Arbitrary<infer Value> ? Value : never

/** Rows of tables, whose gradients are those of the attention's inputs, through the attention. */
function attending(given: AttentionCase, dropout = 0): Comparison {
  const { steps, channels, inputs, examples, momentum, epochs, seed, optional, ...settings } = given
  return {
    ...{ examples, momentum, epochs, seed },
    shape: [steps],
    numbers: 6,
    model: (tf) => {
      const { layers } = tf
      const numbers = tf.input({ shape: [steps] })
      // All tables are as deep in the graph, so that TensorFlow.js has them in the order in which they are made.
      const rows = (outputDim: number, times: number) =>
        through(
          layers.reshape({ targetShape: [times * steps, outputDim] }),
          through(layers.embedding({ inputDim: 6, outputDim: times * outputDim }), numbers),
        )
      const x = rows(channels, 1)
      // Twice as many steps, unless the query is among them.
      const others = (outputDim: number) => rows(outputDim, inputs === 'xxy' ? 1 : 2)
      const letters: Record<string, Symbolic> = { x }
      if (inputs.includes('y')) letters.y = others(3)
      if (inputs.includes('z')) letters.z = others(5)
      const [query = x, ...rest] = [...inputs].flatMap((letter) => letters[letter] ?? [])
      const attention = multiHeadAttention({ ...settings, ...optional, dropout })
      const attended = through(attention, rest.length === 0 ? query : [query, ...rest])
      return tf.model({
        inputs: numbers,
        outputs: through(layers.dense({ units: 3 }), through(layers.flatten(), attended)),
      })
    },
  }
}

test('an attention is the same in the engine and on TensorFlow.js, whatever its heads and inputs', async (t) => {
  const property = fc.asyncProperty(attentions, (given) => agrees(attending(given)))
  await t.notThrowsAsync(fc.assert(property, { numRuns: 40, includeErrorInReport: true }))
})

test('gradients of an attention are the measured slopes of the loss, also where weights are dropped', async (t) => {
  const property = fc.asyncProperty(attentions, fc.constantFrom(0, 0.4), (given, dropout) =>
    slopesAgree(attending(given, dropout)),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 20, includeErrorInReport: true }))
})

test('an attention over masked steps is the same in the engine and on TensorFlow.js', async (t) => {
  const cases = fc.record({
    // TensorFlow.js's own LSTM can't mask a single step.
    steps: fc.integer({ min: 2, max: 7 }),
    useCausalMask: fc.boolean(),
    examples: fc.integer({ min: 1, max: 5 }),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
  })
  const property = fc.asyncProperty(cases, ({ steps, useCausalMask, ...rest }) =>
    agrees({
      ...rest,
      shape: [steps],
      numbers: 3,
      model: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.embedding({ inputDim: 3, outputDim: 4, inputLength: steps, maskZero: true }),
            multiHeadAttention({ numHeads: 2, keyDim: 3, useCausalMask }),
            // Ends the mask, and takes nothing from masked steps.
            layers.lstm({ units: 3 }),
          ],
        }),
    }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 15, includeErrorInReport: true }))
})

/** Numbers from 1 to 5, with zeros behind the first `kept` of each list. */
function padded(length: number, kept: number): Examples {
  return {
    count: 6,
    shape: [length],
    read(index, out, offset) {
      for (let step = 0; step < length; step++)
        out[offset + step] = step < kept ? 1 + ((index * 3 + step * step) % 5) : 0
    },
    label: (index) => index % 3,
  }
}

test('padding changes nothing, neither in an attention nor in a mean', async (t) => {
  const trained = async (length: number) => {
    const model = (tf: TensorFlow) => {
      const { layers } = tf
      const numbers = tf.input({ shape: [length] })
      const words = through(layers.embedding({ inputDim: 6, outputDim: 5, maskZero: true }), numbers)
      const placed = through(layers.add(), [words, through(sinePositionEncoding(), words)])
      const attended = through(multiHeadAttention({ numHeads: 2, keyDim: 4 }), placed)
      const normal = through(layers.layerNormalization(), through(layers.add(), [placed, attended]))
      const mean = through(layers.globalAveragePooling1d({}), normal)
      return tf.model({ inputs: numbers, outputs: through(layers.dense({ units: 3 }), mean) })
    }
    const steps = { learningRate: 0.1, epochs: 3, batch: 4 }
    const learner = await layersLearner({ ...steps, model, loss: 'softmaxCrossEntropy', engine: 'engine' })
    const weights = await learner.initialWeights(randomStream(1, 'initial-weights'))
    return learner.train({ weights, examples: padded(length, 4), random: randomStream(1, 'train') })
  }
  const [whole, longer] = [await trained(4), await trained(9)]
  const off = whole.delta.map((value, index) => Math.abs(value - (longer.delta[index] ?? Number.NaN)))
  t.true(Math.max(...off) < 1e-6, String(Math.max(...off)))
  t.true(Math.max(...whole.delta) > 1e-3)
})

test('a step that may attend to none, and a mean over padding alone, are finite', async (t) => {
  const model = (tf: TensorFlow) =>
    tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 6, outputDim: 5, inputLength: 4, maskZero: true }),
        multiHeadAttention({ numHeads: 2, keyDim: 4, useCausalMask: true }),
        tf.layers.globalAveragePooling1d({}),
        tf.layers.dense({ units: 3 }),
      ],
    })
  const steps = { learningRate: 0.1, epochs: 2, batch: 4 }
  const learner = await layersLearner({ ...steps, model, loss: 'softmaxCrossEntropy', engine: 'engine' })
  const weights = await learner.initialWeights(randomStream(1, 'initial-weights'))
  const { delta } = await learner.train({ weights, examples: padded(4, 0), random: randomStream(1, 'train') })
  t.true(delta.every(Number.isFinite))
})

test('positions are the same in the engine and on TensorFlow.js', async (t) => {
  const cases = fc.record({
    steps: fc.integer({ min: 1, max: 9 }),
    channels: fc.integer({ min: 1, max: 10 }),
    spare: fc.integer({ min: 0, max: 3 }),
    examples: fc.integer({ min: 1, max: 5 }),
    momentum: fc.constantFrom(0, 0.5),
    epochs: fc.constantFrom(1, 3),
    learned: fc.boolean(),
  })
  const property = fc.asyncProperty(cases, ({ steps, channels, spare, learned, ...rest }) =>
    agrees({
      ...rest,
      shape: [steps],
      numbers: 6,
      model: (tf) => {
        const { layers } = tf
        const numbers = tf.input({ shape: [steps] })
        const x = through(layers.embedding({ inputDim: 6, outputDim: channels }), numbers)
        const layer = learned ? positionEmbedding({ sequenceLength: steps + spare }) : sinePositionEncoding()
        const placed = through(layers.add(), [x, through(layer, x)])
        return tf.model({
          inputs: numbers,
          outputs: through(layers.dense({ units: 3 }), through(layers.flatten(), placed)),
        })
      },
    }),
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: 20, includeErrorInReport: true }))
})

test('the encodings of steps are sines and cosines of falling frequencies', (t) => {
  const [steps, channels] = [2_000, 7]
  const values = sinePositions(steps, channels, 500)
  for (let step = 0; step < steps; step++) {
    for (let channel = 0; channel < channels; channel++) {
      const angle = step / 500 ** ((2 * Math.floor(channel / 2)) / channels)
      const expected = channel % 2 === 0 ? Math.sin(angle) : Math.cos(angle)
      const off = Math.abs((values[step * channels + channel] ?? 0) - expected)
      if (off > 1e-7) t.fail(`step ${step}, channel ${channel} is off by ${off}`)
    }
  }
  t.is(values[0], 0)
})

test('dropped weights of an attention depend on the stream, and an evaluation drops none', async (t) => {
  const given: AttentionCase = {
    ...{ steps: 6, channels: 8, numHeads: 2, keyDim: 4, optional: {} },
    ...{ useBias: true, useCausalMask: false, inputs: 'x', examples: 4, momentum: 0, epochs: 1, seed: 3 },
  }
  const results = []
  for (const dropout of [0.5, 0]) {
    const comparison = attending(given, dropout)
    const { model } = comparison
    const learner = await layersLearner({
      ...{ model, loss: 'softmaxCrossEntropy', learningRate: 1, epochs: 1, batch: 4, engine: 'engine' },
    })
    const weights = await weightsOf(learner, comparison)
    const examples = examplesOf(comparison)
    const train = (seed: number) => learner.train({ weights, examples, random: randomStream(seed, 'train') })
    results.push({
      first: await train(1),
      again: await train(1),
      other: await train(2),
      evaluation: await learner.evaluate(weights, examples),
    })
  }
  const [dropping, keeping] = results
  t.deepEqual(dropping?.again, dropping?.first)
  t.notDeepEqual(dropping?.other.metrics, dropping?.first.metrics)
  t.notDeepEqual(dropping?.first.metrics, keeping?.first.metrics)
  t.deepEqual(dropping?.evaluation, keeping?.evaluation)
})

const refused: readonly [config: object, inputs: readonly (readonly number[])[], expected: RegExp][] = [
  [{ num_heads: 0, key_dim: 2 }, [[4, 3]], /has num_heads 0; it knows integers from 1/],
  [{ num_heads: 1e9, key_dim: 2 }, [[4, 3]], /has 1000000000 heads of 2 values; it knows 4194304 values/],
  [{ num_heads: 2 }, [[4, 3]], /has key_dim not set; it knows numbers/],
  [{ num_heads: 2, key_dim: 2.5 }, [[4, 3]], /has key_dim 2.5/],
  [{ num_heads: 2, key_dim: 2, dropout: 1 }, [[4, 3]], /has dropout 1; it knows numbers from 0 and below 1/],
  [{ num_heads: 2, key_dim: 2, attention_axes: [1] }, [[4, 3]], /has attention_axes \[1\]/],
  [{ num_heads: 2, key_dim: 2, output_shape: [3, 3] }, [[4, 3]], /has output_shape \[3,3\]/],
  [{ num_heads: 2, key_dim: 2, flash_attention: true }, [[4, 3]], /has flash_attention true/],
  [{ num_heads: 2, key_dim: 2 }, [[12]], /takes \[steps, channels\], but gets \[12\]/],
  [
    { num_heads: 2, key_dim: 2 },
    [
      [4, 3],
      [3, 2, 2],
    ],
    /takes \[steps, channels\], but gets \[3,2,2\]/,
  ],
  [
    { num_heads: 2, key_dim: 2 },
    [
      [4, 3],
      [6, 2],
      [4, 3],
    ],
    /gets 4 keys for 6 values/,
  ],
  [
    { num_heads: 2, key_dim: 2 },
    [
      [4, 3],
      [6, 2],
      [6, 2],
      [6, 2],
    ],
    /takes a query, a value and a key, but gets more/,
  ],
]
for (const [config, inputs, expected] of refused) {
  test(`the engine refuses an attention that ${expected.source}`, (t) => {
    const shaped = inputs.map((target_shape, index) => ({
      class_name: 'Reshape',
      name: `part_${index}`,
      config: { name: `part_${index}`, target_shape },
      inbound_nodes: [[['numbers', 0, 0, {}]]],
    }))
    const topology = {
      class_name: 'Model',
      config: {
        layers: [
          {
            ...{ class_name: 'InputLayer', name: 'numbers', inbound_nodes: [] },
            config: { name: 'numbers', batch_input_shape: [null, 12] },
          },
          ...shaped,
          {
            ...{ class_name: 'MultiHeadAttention', name: 'attention', config: { name: 'attention', ...config } },
            inbound_nodes: [inputs.map((_, index) => [`part_${index}`, 0, 0, {}])],
          },
        ],
        input_layers: [['numbers', 0, 0]],
        output_layers: [['attention', 0, 0]],
      },
    }
    const message = new RegExp(`layer attention \\(MultiHeadAttention\\) .*${expected.source}`)
    t.throws(() => engineModel(topology), { code: 'LEARN_ENGINE_MODEL', message })
  })
}

test('a table with fewer positions than steps is refused, and so is a wavelength below 1', async (t) => {
  const model = (layer: () => ReturnType<typeof positionEmbedding>) => (tf: TensorFlow) =>
    tf.sequential({
      layers: [tf.layers.embedding({ inputDim: 6, outputDim: 2, inputLength: 5 }), layer(), tf.layers.flatten()],
    })
  const steps = { loss: 'meanSquaredError', learningRate: 1, epochs: 1, batch: 4, engine: 'engine' } as const
  await t.throwsAsync(layersLearner({ ...steps, model: model(() => positionEmbedding({ sequenceLength: 4 })) }), {
    code: 'LEARN_ENGINE_MODEL',
    message: /layer position_embedding_1 \(PositionEmbedding\) has 4 positions for 5 steps/,
  })
  await t.throwsAsync(layersLearner({ ...steps, model: model(() => sinePositionEncoding({ maxWavelength: 0 })) }), {
    code: 'LEARN_ENGINE_MODEL',
    message: /layer sine_position_encoding_1 \(SinePositionEncoding\) has max_wavelength 0; it knows numbers from 1/,
  })
})
