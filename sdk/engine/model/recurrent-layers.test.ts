import test from 'ava'
import fc from 'fast-check'
import type { TensorFlow } from '../../layers/tensorflow.ts'
import { lossOf } from '../../learn/loss.ts'
import { type Comparison, usePlainTensorFlow } from '../agreement.contract.ts'
import { agrees, type Symbolic, slopesAgree, through } from '../agreement-properties.contract.ts'
import { engineModel } from '../engine-learner.ts'

test.before(usePlainTensorFlow)

type Layer = InstanceType<TensorFlow['layers']['Layer']>

const activations = fc.constantFrom<('hardSigmoid' | 'linear' | 'relu' | 'relu6' | 'sigmoid' | 'tanh')[]>(
  'hardSigmoid',
  'linear',
  'relu',
  'relu6',
  'sigmoid',
  'tanh',
)
const sequences = fc.record({
  steps: fc.integer({ min: 1, max: 6 }),
  channels: fc.integer({ min: 1, max: 10 }),
  units: fc.integer({ min: 1, max: 10 }),
  examples: fc.integer({ min: 1, max: 9 }),
  momentum: fc.constantFrom<number[]>(0, 0.5),
  epochs: fc.constantFrom<number[]>(1, 3),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  cell: fc.constantFrom<('lstm' | 'gru' | 'simpleRNN')[]>('lstm', 'gru', 'simpleRNN'),
  settings: fc.record({
    activation: fc.option(activations, { nil: undefined }),
    recurrentActivation: fc.option(activations, { nil: undefined }),
    useBias: fc.boolean(),
    returnSequences: fc.boolean(),
    goBackwards: fc.boolean(),
  }),
})
type SequenceCase = typeof sequences extends fc.Arbitrary<infer Value> ? Value : never

function recurrent({ layers }: TensorFlow, { cell, units, settings }: SequenceCase) {
  // A simple layer has no gates.
  const isKnown = (name: string) => cell !== 'simpleRNN' || name !== 'recurrentActivation'
  const given = Object.fromEntries(
    Object.entries(settings).filter(([name, value]) => value !== undefined && isKnown(name)),
  )
  return layers[cell]({ units, ...given })
}

/** A model over sequences, whose layers end in a vector or in [steps, channels]. */
function over(
  { steps, channels, ...rest }: SequenceCase,
  inner: (tf: TensorFlow) => readonly Layer[],
  first: (tf: TensorFlow) => Layer = ({ layers }) => layers.inputLayer({ inputShape: [steps, channels] }),
  shape = [steps, channels],
): Comparison {
  return {
    ...rest,
    shape,
    model: (tf) => {
      const model = tf.sequential({ layers: [first(tf), ...inner(tf)] })
      if (model.outputs[0]?.shape.length === 3) model.add(tf.layers.flatten())
      model.add(tf.layers.dense({ units: 3 }))
      return model
    },
  }
}

/** Cases that always run: each cell over several steps. */
const each = (['lstm', 'gru', 'simpleRNN'] as const).map((cell): SequenceCase => {
  const common = { steps: 5, channels: 3, units: 5, examples: 5, momentum: 0, epochs: 1, seed: 1, cell }
  const settings = { activation: undefined, recurrentActivation: 'sigmoid' as const, useBias: true }
  return { ...common, settings: { ...settings, returnSequences: true, goBackwards: false } }
})

/** TensorFlow.js has no gradient of a recurrent layer's input of a single step. */
const severalSteps = sequences.map((given) => ({ ...given, steps: 1 + given.steps }))

const check = (property: (given: SequenceCase) => Promise<void>, numRuns: number, cases = sequences) =>
  fc.assert(fc.asyncProperty(cases, property), {
    numRuns,
    examples: each.map((given) => [given]),
    includeErrorInReport: true,
  })

test('recurrent layers over a model’s input are those of TensorFlow.js, whatever their settings', async (t) => {
  await t.notThrowsAsync(check((given) => agrees(over(given, (tf) => [recurrent(tf, given)])), 12))
})

test('recurrent layers between dense layers over steps are those of TensorFlow.js', async (t) => {
  await t.notThrowsAsync(
    check(
      (given) =>
        agrees(
          over(given, (tf) => [
            tf.layers.dense({ units: 5, activation: 'tanh' }),
            recurrent(tf, { ...given, settings: { ...given.settings, returnSequences: true } }),
            tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 9, activation: 'relu' }) }),
            recurrent(tf, given),
          ]),
        ),
      8,
      severalSteps,
    ),
  )
})

test('a bidirectional layer is that of TensorFlow.js, whatever its mode', async (t) => {
  const modes = fc.constantFrom<('ave' | 'concat' | 'mul' | 'sum')[]>('ave', 'concat', 'mul', 'sum')
  const property = fc.asyncProperty(severalSteps, modes, (given, mergeMode) =>
    agrees(
      over(given, (tf) => [
        tf.layers.dense({ units: 3 }),
        tf.layers.bidirectional({ layer: recurrent(tf, given), mergeMode }),
      ]),
    ),
  )
  const examples = each.map((given): [SequenceCase, 'concat'] => [given, 'concat'])
  await t.notThrowsAsync(fc.assert(property, { numRuns: 8, examples, includeErrorInReport: true }))
})

test('steps that a masking layer or an embedding masks leave the state as it is, as in TensorFlow.js', async (t) => {
  const property = fc.asyncProperty(severalSteps, fc.boolean(), (given, embeds) => {
    const { steps, channels } = given
    const inner = (tf: TensorFlow) => [
      tf.layers.dense({ units: 4 }),
      recurrent(tf, { ...given, settings: { ...given.settings, returnSequences: true } }),
      tf.layers.bidirectional({ layer: recurrent(tf, given), mergeMode: 'concat' as const }),
    ]
    return agrees({
      ...(embeds
        ? over(
            given,
            inner,
            ({ layers }) => layers.embedding({ inputDim: 3, outputDim: 5, inputLength: steps, maskZero: true }),
            [steps],
          )
        : over({ ...given, channels: 1 + (channels % 3) }, (tf) => [tf.layers.masking(), ...inner(tf)])),
      numbers: embeds ? 3 : 2,
    })
  })
  const examples = each.map((given, index): [SequenceCase, boolean] => [given, index === 0])
  await t.notThrowsAsync(fc.assert(property, { numRuns: 8, examples, includeErrorInReport: true }))
})

test('sequences that are joined keep their masks, as in TensorFlow.js', async (t) => {
  const property = fc.asyncProperty(severalSteps, fc.constantFrom<(-1 | 1)[]>(-1, 1), (given, axis) =>
    agrees({
      ...given,
      shape: [given.steps],
      numbers: 3,
      model: (tf) => {
        const { layers } = tf
        const input = tf.input({ shape: [given.steps] })
        const words = through(layers.embedding({ inputDim: 3, outputDim: 5, maskZero: true }), input)
        const joined = through(layers.concatenate({ axis }), [words, through(layers.dense({ units: 5 }), words)])
        const last = through(
          recurrent(tf, { ...given, settings: { ...given.settings, returnSequences: false } }),
          joined,
        )
        return tf.model({ inputs: input, outputs: through(layers.dense({ units: 3 }), last) })
      },
    }),
  )
  await t.notThrowsAsync(
    fc.assert(property, {
      numRuns: 4,
      includeErrorInReport: true,
      examples: each
        .flatMap((given): [SequenceCase, -1 | 1][] => [
          [given, -1],
          [given, 1],
        ])
        .slice(0, 2),
    }),
  )
})

test('gradients of recurrent layers are the measured slopes', async (t) => {
  const smooth = { activation: 'tanh', recurrentActivation: 'sigmoid' } as const
  await t.notThrowsAsync(
    check((given) => {
      const one = { ...given, settings: { ...given.settings, ...smooth } }
      return slopesAgree(over(one, (tf) => [tf.layers.dense({ units: 4, activation: 'tanh' }), recurrent(tf, one)]))
    }, 6),
  )
})

const topology = (...layers: readonly (readonly [string, object])[]) => ({
  class_name: 'Sequential',
  config: {
    layers: layers.map(([class_name, config], index) => ({ class_name, config: { name: `l${index}`, ...config } })),
  },
})
const input = { batch_input_shape: [null, 4, 3] }
const refused: Readonly<Record<string, [object, RegExp]>> = {
  'a sequence of length 0': [
    topology(['LSTM', { units: 2, batch_input_shape: [null, 0, 3] }]),
    /l0 \(LSTM\) takes sequences of at least one step/,
  ],
  'an input without steps': [
    topology(['GRU', { units: 2, batch_input_shape: [null, 3] }]),
    /l0 \(GRU\) takes \[steps, channels\], but gets \[3\]/,
  ],
  'an unknown option': [topology(['LSTM', { units: 2, zone_out: 0.1, ...input }]), /l0 \(LSTM\) has zone_out 0.1/],
  'dropout within a step': [
    topology(['LSTM', { units: 2, recurrent_dropout: 0.1, ...input }]),
    /has recurrent_dropout 0.1; it knows only 0/,
  ],
  'state that is kept': [topology(['SimpleRNN', { units: 2, stateful: true, ...input }]), /has stateful true/],
  'a reset gate after the product': [
    topology(['GRU', { units: 2, reset_after: true, ...input }]),
    /has reset_after true/,
  ],
  'an unknown activation': [
    topology(['GRU', { units: 2, recurrent_activation: 'softmax', ...input }]),
    /has recurrent_activation "softmax"; it knows linear, tanh, sigmoid, hardSigmoid/,
  ],
  'an unknown mode': [
    topology(['Bidirectional', { merge_mode: 'max', layer: { class_name: 'LSTM', config: { units: 2 } }, ...input }]),
    /has merge_mode "max"; it knows concat, sum, ave, mul/,
  ],
  'an unknown option within a wrapper': [
    topology([
      'Bidirectional',
      { layer: { class_name: 'LSTM', config: { name: 'in', units: 2, speed: 1 } }, ...input },
    ]),
    /layer in \(LSTM\) has speed 1/,
  ],
  'a wrapped layer of another kind': [
    topology(['TimeDistributed', { layer: { class_name: 'Conv2D', config: {} }, ...input }]),
    /l0 \(TimeDistributed\) wraps a layer of class Conv2D; it knows Dense/,
  ],
  'a wrapper of nothing': [
    topology(['Bidirectional', input]),
    /l0 \(Bidirectional\) has layer not set; it knows layers/,
  ],
}
for (const [what, [model, message]] of Object.entries(refused)) {
  test(`${what} is refused by name`, (t) => {
    t.throws(() => engineModel(model, lossOf('mse')), { code: 'LEARN_ENGINE_MODEL', message })
  })
}

test('steps with different masks are not joined', async (t) => {
  const tf = await (await import('../../layers/tensorflow.ts')).loadTensorFlow()
  const input = tf.input({ shape: [4, 3] })
  const masked = [0, 1].map(
    (maskValue): Symbolic => through(tf.layers.masking({ maskValue, name: `m${maskValue}` }), input),
  )
  const sum = through(tf.layers.add({ name: 'sum' }), masked)
  const output = through(tf.layers.lstm({ units: 2 }), sum)
  const model = tf.model({ inputs: input, outputs: output })
  t.throws(() => engineModel(model.toJSON(null, false), lossOf('mse')), {
    code: 'LEARN_ENGINE_MODEL',
    message: /layer sum \(Add\) joins steps with different masks/,
  })
})
