import test from 'ava'
import type { Examples } from '../data/examples.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import type { TensorFlow } from '../layers/tensorflow.ts'
import { fittedLoss } from '../learn/fitted-loss.ts'
import type { LocalTerms } from '../learn/learner.ts'
import { lossOf } from '../learn/loss.ts'
import type { Steps } from '../learn/steps.ts'
import { randomStream } from '../random/random-stream.ts'
import { type Engine, engine } from './engine.ts'
import { engineModel } from './engine-learner.ts'
import { trainOnEngine } from './engine-training.ts'

const steps: Steps = { learningRate: 0.05, epochs: 1, batch: 64 }

function examplesOf(shape: readonly [number, ...number[]], count: number): Examples {
  const size = shape.reduce((product, length) => product * length)
  const random = randomStream(1, 'examples')
  const values = Float32Array.from({ length: count * size }, () => random.uniform())
  return {
    count,
    shape,
    read: (index, out, offset) => out.set(values.subarray(index * size, (index + 1) * size), offset),
    label: (index) => index % 2,
  }
}

/** A model so wide that fewer than 64 examples fit into a pass. */
const wide = ({ layers, sequential }: TensorFlow) =>
  sequential({
    layers: [layers.dense({ units: 40_000, activation: 'relu', inputShape: [4] }), layers.dense({ units: 2 })],
  })

for (const [name, settings, terms] of [
  ['plain SGD', {}, {}],
  ['clipping, momentum and a proximal term', { clipNorm: 0.1, momentum: 0.9 }, { proximal: 0.5 }],
] as const) {
  test(`with ${name}, a batch too large for one pass gives what TensorFlow.js gives`, async (t) => {
    const make = (on: 'engine' | 'tensorflow') =>
      layersLearner({ engine: on, model: wide, loss: 'softmaxCrossEntropy', ...steps, ...settings, epochs: 2 })
    const [ours, theirs] = [await make('engine'), await make('tensorflow')]
    t.true(
      engine({ graph: engineModel(ours.modelTopology, lossOf('softmaxCrossEntropy')).graph, batch: steps.batch })
        .capacity < steps.batch,
    )
    const weights = await ours.initialWeights(randomStream(1))
    const request = () => ({ weights, examples: examplesOf([4], 64), random: randomStream(2), terms })
    const [a, b] = [await ours.train(request()), await theirs.train(request())]
    const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const apart = largest(a.delta.map((value, index) => value - (b.delta[index] ?? 0))) / largest(b.delta)
    t.true(apart < 1e-4, String(apart))
  })
}

const model = engineModel(
  {
    class_name: 'Sequential',
    config: {
      layers: [
        { class_name: 'Dense', config: { name: 'one', units: 300, batch_input_shape: [null, 300] } },
        { class_name: 'Dense', config: { name: 'two', units: 2 } },
      ],
    },
  },
  lossOf('softmaxCrossEntropy'),
)
const train = (running: Engine, settings: Partial<Steps> = {}, terms: LocalTerms = {}) =>
  trainOnEngine(running, fittedLoss(lossOf('softmaxCrossEntropy'), [2]), { ...steps, ...settings }, model.layout, {
    weights: new Float32Array(model.layout.size),
    examples: examplesOf([300], 100),
    random: randomStream(2),
    terms,
  })
const makeEngine = () => engine({ graph: model.graph, batch: 100 })

test('memory grows once, by the places that steps and terms need: none for plain SGD', async (t) => {
  const running = makeEngine()
  const bytes = () => running.features.buffer.byteLength
  const start = bytes()
  const grown = async (settings: Partial<Steps>, terms?: LocalTerms) => {
    await train(running, settings, terms)
    return Math.round((bytes() - start) / running.trained.bytes)
  }
  t.is(await grown({}), 0)
  t.is(await grown({ momentum: 0.9, weightDecay: 0.1, batch: 1_000 }), 1)
  t.is(await grown({ clipNorm: 1 }), 1)
  t.is(await grown({}, { proximal: 1, correction: new Float32Array(model.layout.size) }), 2)
  t.is(await grown({ optimizer: 'adam' }), 3)
  t.is(await grown({ optimizer: 'adam' }, { proximal: 1, exampleClip: 1 }), 5)
  for (const settings of [{}, { optimizer: 'adam' }] as const) t.is(await grown(settings), 5)
})

test('each pass of a model with seeded layers has a seed from the stream; other models draw none', async (t) => {
  const seedsOf = async (seeded: boolean, terms: LocalTerms = {}) => {
    const running = makeEngine()
    const seeds: number[] = []
    await train(
      {
        ...running,
        seeded,
        forward(pass) {
          seeds.push(pass.seed)
          running.forward(pass)
        },
      },
      { epochs: 2 },
      terms,
    )
    return seeds
  }
  t.deepEqual(await seedsOf(false), [0, 0, 0, 0])
  const random = randomStream(2)
  const expected = [1, 2].flatMap(() => {
    random.shuffle(new Uint32Array(100))
    return [random.uint32(), random.uint32()]
  })
  t.deepEqual(await seedsOf(true), expected)
})
