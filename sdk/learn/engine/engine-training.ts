import type { Examples } from '../../data/examples.ts'
import { learnError } from '../errors.ts'
import type { Steps } from '../layers-training.ts'
import type { Evaluation, TrainingRequest, Update } from '../learner.ts'
import { yieldTurn } from '../yield-turn.ts'
import type { Engine } from './engine.ts'
import type { EngineLoss } from './engine-loss.ts'
import type { Pass } from './plan.ts'
import { readBatch } from './read-batch.ts'

/** Trains from the request's weights by SGD over mini-batches. */
export async function trainOnEngine(
  engine: Engine,
  lossOf: EngineLoss,
  steps: Steps,
  request: TrainingRequest,
): Promise<Update> {
  const { examples, random, signal, weights, terms = {} } = request
  signal?.throwIfAborted()
  const { kernels, trained, capacity } = engine
  const { learningRate, momentum = 0 } = steps
  const { proximal = 0 } = terms
  const fused = momentum === 0 && proximal === 0 && steps.batch <= capacity
  engine.load(weights)
  const gradient = trained.address + trained.bytes
  const second = gradient + trained.bytes
  const third = second + trained.bytes
  if (momentum !== 0) kernels.fill(second, 0, trained.count)
  if (proximal !== 0) kernels.copyRows(trained.address, 0, third, 0, 1, trained.bytes)

  let total = 0
  const order = Uint32Array.from({ length: examples.count }, (_, index) => index)
  for (let epoch = 1; epoch <= steps.epochs; epoch++) {
    random.shuffle(order)
    for (let start = 0; start < order.length; start += steps.batch) {
      const batch = order.subarray(start, start + steps.batch)
      if (!fused) kernels.fill(gradient, 0, trained.count)
      let loss = 0
      for (let from = 0; from < batch.length; from += capacity) {
        const part = batch.subarray(from, from + capacity)
        readBatch(engine, lossOf, examples, part)
        const pass: Pass = {
          batch: part.length,
          training: true,
          seed: 0,
          gradientShift: fused ? 0 : trained.bytes,
          gradientScale: fused ? -learningRate : 1,
        }
        engine.forward(pass)
        loss += engine.loss(lossOf, part.length, 1 / batch.length).loss
        engine.backward(pass)
      }
      if (!Number.isFinite(loss)) {
        throw learnError('LEARN_DIVERGED', { epoch, batch: start / steps.batch + 1, loss: loss / batch.length })
      }
      if (proximal !== 0) kernels.addProximal(trained.address, third, proximal, gradient, trained.count)
      if (momentum !== 0) kernels.momentumStep(trained.address, gradient, second, momentum, learningRate, trained.count)
      else if (!fused) kernels.addScaled(gradient, -learningRate, trained.address, trained.count)
      total += loss
      await yieldTurn()
      signal?.throwIfAborted()
    }
  }
  const delta = engine.save()
  for (let index = 0; index < delta.length; index++) delta[index] = (delta[index] ?? 0) - (weights[index] ?? 0)
  return { delta, samples: examples.count, metrics: { loss: total / (examples.count * steps.epochs) } }
}

/** Means over the examples, in their order. */
export function evaluateOnEngine(
  engine: Engine,
  lossOf: EngineLoss,
  weights: Float32Array,
  examples: Examples,
): Evaluation {
  engine.load(weights)
  const order = Uint32Array.from({ length: examples.count }, (_, index) => index)
  let total = 0
  let right = 0
  for (let start = 0; start < order.length; start += engine.capacity) {
    const part = order.subarray(start, start + engine.capacity)
    readBatch(engine, lossOf, examples, part)
    engine.forward({ batch: part.length, training: false, seed: 0, gradientShift: 0, gradientScale: 0 })
    const { loss, correct } = engine.loss(lossOf, part.length)
    total += loss
    right += correct ?? Number.NaN
  }
  return {
    samples: examples.count,
    metrics: { loss: total / examples.count, ...(!Number.isNaN(right) && { accuracy: right / examples.count }) },
  }
}
