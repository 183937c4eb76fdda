import test from 'ava'
import fc from 'fast-check'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import { randomStream } from '../random/random-stream.ts'
import { gradientSteps, isOptimizerState } from './gradient-steps.ts'
import type { Steps } from './steps.ts'

const optimizers: Readonly<Record<string, Partial<Steps>>> = {
  'plain SGD': {},
  'SGD with weight decay': { weightDecay: 0.1 },
  'SGD with momentum': { momentum: 0.9, weightDecay: 0.01 },
  "SGD with Nesterov's momentum": { momentum: 0.8, nesterov: true },
  'SGD with clipped values': { clipValue: 0.05 },
  Adam: { optimizer: 'adam', weightDecay: 0.1 },
  AdamW: { optimizer: 'adamw', weightDecay: 0.1, beta1: 0.8, epsilon: 1e-3 },
}

for (const [name, given] of Object.entries(optimizers))
  test(`${name}: steps one at a time reach the weights of the engine's training, to rounding`, async (t) => {
    const steps: Steps = { learningRate: 0.1, epochs: 6, batch: 7, ...given }
    const learner = await layersLearner({
      ...steps,
      model: ({ layers, sequential }) =>
        sequential({
          layers: [layers.dense({ units: 5, activation: 'tanh', inputShape: [4] }), layers.dense({ units: 3 })],
        }),
      loss: 'softmaxCrossEntropy',
      engine: 'engine',
    })
    const random = randomStream(1, 'examples')
    const labels = Array.from({ length: 20 }, () => random.below(3))
    const features = Float32Array.from({ length: 80 }, () => random.uniform() - 0.5)
    const start = await learner.initialWeights(randomStream(2))
    const trained = await learner.train({
      weights: start,
      examples: inMemoryExamples({ features, labels, shape: [4] }),
      random: randomStream(3),
    })
    const { begin, step } = gradientSteps(steps)
    const order = Uint32Array.from({ length: 20 }, (_, index) => index)
    const stream = randomStream(3)
    let weights = start
    let state = begin(start.length)
    for (let epoch = 0; epoch < steps.epochs; epoch++) {
      stream.shuffle(order)
      for (let from = 0; from < 20; from += steps.batch) {
        const batch = order.subarray(from, from + steps.batch)
        const inputs = new Float32Array(4 * batch.length)
        for (const [row, index] of batch.entries()) inputs.set(features.subarray(4 * index, 4 * index + 4), 4 * row)
        const found = await learner.parts?.loss(
          { part: {}, weights, inputs, examples: batch.length },
          Float32Array.from(batch, (index) => labels[index] ?? 0),
        )
        ;({ weights, state } = step(weights, found?.gradient ?? new Float32Array(), state))
        t.true(isOptimizerState(state))
      }
    }
    const moved = weights.map((value, index) => value - (start[index] ?? 0))
    for (const [index, value] of moved.entries())
      t.true(Math.abs(value - (trained.delta[index] ?? 0)) < 2e-5, `${index}: ${value} ${trained.delta[index]}`)
  })

test('parts of the weights that step apart reach what they reach together', (t) => {
  const values = (length: number) =>
    fc.float32Array({ minLength: length, maxLength: length, noNaN: true, min: -8, max: 8 })
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(optimizers)),
      fc.nat(6),
      values(6),
      fc.array(values(6), { maxLength: 5 }),
      (given, cut, start, gradients) => {
        const { begin, step } = gradientSteps({ learningRate: 0.1, epochs: 1, batch: 1, ...given })
        const run = (from: number, to: number) => {
          let weights: Float32Array = start.slice(from, to)
          let state = begin(to - from)
          for (const gradient of gradients) ({ weights, state } = step(weights, gradient.slice(from, to), state))
          return [...weights]
        }
        t.deepEqual([...run(0, cut), ...run(cut, 6)], run(0, 6))
      },
    ),
  )
})

test('a bound on the norm over all parts is refused with what to do', (t) => {
  const error = t.throws(() => gradientSteps({ learningRate: 1, epochs: 1, batch: 1, clipNorm: 2 }), {
    code: 'LEARN_STEPWISE',
  })
  t.regex(error.message, /clipNorm 2/)
})
