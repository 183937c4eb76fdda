import test from 'ava'
import fc from 'fast-check'
import type { TensorFlow } from '../layers/tensorflow.ts'
import { fittedLoss } from '../learn/fitted-loss.ts'
import { lossOf } from '../learn/loss.ts'
import { usePlainTensorFlow } from './agreement.contract.ts'
import { agrees } from './agreement-properties.contract.ts'
import { engineLoss, type LossRows } from './engine-loss.ts'
import { engineKernels, firstFreeAddress } from './kernels.ts'

test.before(usePlainTensorFlow)

const dense =
  (units: number) =>
  ({ layers, sequential }: TensorFlow) =>
    sequential({
      layers: [
        layers.dense({ units: 6, activation: 'tanh', inputShape: [3] }),
        layers.dense({ units, kernelInitializer: 'heNormal' }),
      ],
    })

const cases = fc.record({
  examples: fc.integer({ min: 1, max: 20 }),
  batch: fc.integer({ min: 3, max: 8 }),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  momentum: fc.constantFrom<number[]>(0, 0.5),
})

for (const [loss, units, classes] of [
  ['softmaxCrossEntropy', 9, 9],
  ['sigmoidCrossEntropy', 1, 2],
  ['meanSquaredError', 1, 2],
] as const) {
  test(`${loss} is that of TensorFlow.js, over batches and what is left of them`, async (t) => {
    const property = fc.asyncProperty(cases, (given) =>
      agrees({ ...given, loss, classes, shape: [3], epochs: 2, model: dense(units) }),
    )
    await t.notThrowsAsync(fc.assert(property, { numRuns: 12, includeErrorInReport: true }))
  })
}

/** The loss and gradient of one output with its label. */
function ofOne(name: 'sigmoidCrossEntropy' | 'meanSquaredError', output: number, label: number) {
  const memory = new WebAssembly.Memory({ initial: 2 })
  const [outputs, targets, gradient] = [0, 64, 128].map((offset) => firstFreeAddress + offset)
  const at = (address = 0) => new Float32Array(memory.buffer, address, 1)
  at(outputs)[0] = output
  at(targets)[0] = label
  const rows: LossRows = {
    outputs: outputs ?? 0,
    pitch: 32,
    examples: 1,
    targets: targets ?? 0,
    weights: 0,
    gradient: gradient ?? 0,
    scale: 1,
  }
  const sums = engineLoss(fittedLoss(lossOf(name), [1])).run(engineKernels(memory), rows)
  return { ...sums, gradient: at(gradient)[0] }
}

test('binary cross-entropy stays exact where an output is far from 0', (t) => {
  for (const far of [90, 1_000, 1e30]) {
    t.deepEqual(ofOne('sigmoidCrossEntropy', far, 1), { loss: Math.exp(-far), correct: 1, gradient: 0 })
    t.deepEqual(ofOne('sigmoidCrossEntropy', far, 0), { loss: Math.fround(far), correct: 0, gradient: 1 })
    t.deepEqual(ofOne('sigmoidCrossEntropy', -far, 1), { loss: Math.fround(far), correct: 0, gradient: -1 })
  }
  t.is(ofOne('sigmoidCrossEntropy', 0, 1).loss, Math.log(2))
})

test('an output that is no number has a loss that is none', (t) => {
  t.is(ofOne('sigmoidCrossEntropy', Number.NaN, 1).loss, Number.NaN)
  t.is(ofOne('meanSquaredError', Number.NaN, 1).loss, Number.NaN)
})

test('a squared error has no accuracy', (t) => {
  t.deepEqual(ofOne('meanSquaredError', 3, 1), { loss: 4, gradient: 4 })
})
