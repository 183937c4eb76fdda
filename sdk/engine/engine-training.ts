import { CodedError } from '../../runtime/index.ts'
import type { Examples } from '../data/examples.ts'
import { learnError } from '../learn/errors.ts'
import type { Evaluation, EvaluationOptions, TrainingRequest, Update } from '../learn/learner.ts'
import { localTraining, stepTerms, yieldTurn } from '../learn/local-training.ts'
import type { Steps } from '../learn/steps.ts'
import { type Layout, sizeOf } from '../weights/layout.ts'
import type { Engine, Tap } from './engine.ts'
import type { EngineLoss } from './engine-loss.ts'
import { beginSteps } from './engine-steps.ts'
import { contrastiveTerm, groupTerm, rowsOf } from './engine-terms.ts'
import type { Pass } from './plan.ts'

/** Trains from the request's start, over mini-batches. */
export async function trainOnEngine(
  engine: Engine,
  lossOf: EngineLoss,
  settings: Steps,
  layout: Layout,
  request: TrainingRequest,
): Promise<Update> {
  const { examples, random, signal } = request
  signal?.throwIfAborted()
  const training = localTraining(settings, layout, request)
  const { steps } = training
  const { contrastive: asked, groups: grouped } = request.terms ?? {}
  const terms = stepTerms(request.terms ?? {}, { size: layout.size, wholeBatchFor: engine.wholeBatchFor })
  const tap = asked && engine.tap(asked.layer)
  const contrast =
    asked &&
    tap &&
    contrastiveTerm(engine, tap, asked, {
      shared: representations(engine, lossOf, tap, training.centre, examples),
      previous: representations(engine, lossOf, tap, asked.previous, examples),
    })
  const groups = grouped && groupTerm(engine, lossOf.name, grouped, examples)
  const { target, step, addExample } = beginSteps(engine, training, terms)
  const passExamples = addExample ? 1 : engine.capacity

  let total = 0
  let contrasts = 0
  let seen = 0
  let done = 0
  for (const { epoch, batch: number, indices: batch } of training.batches()) {
    let loss = 0
    for (let from = 0; from < batch.length; from += passExamples) {
      const part = batch.subarray(from, from + passExamples)
      readBatch(engine, lossOf, examples, part)
      const seed = engine.seeded ? random.uint32() : 0
      const pass: Pass = { batch: part.length, training: true, seed, ...target }
      forward(engine, pass, part)
      const scale = addExample ? 1 : 1 / batch.length
      loss += engine.loss(lossOf, part.length, scale).loss
      groups?.add(part, scale)
      const add = () => {
        contrasts += contrast?.add(part, scale) ?? 0
      }
      engine.backward(pass, tap && { to: tap, add })
      addExample?.(batch.length)
    }
    if (!Number.isFinite(loss)) {
      const { learningRate } = steps
      throw learnError('LEARN_DIVERGED', { epoch, batch: number, loss: loss / batch.length, learningRate })
    }
    step()
    total += loss
    seen += batch.length
    done += 1
    await yieldTurn()
    signal?.throwIfAborted()
  }
  const delta = training.frozen
    ? training.deltaOf(engine.save(request.into?.()))
    : training.finite(engine.saveDelta(training.base, request.into?.()))
  return {
    delta,
    samples: examples.count,
    steps: done,
    metrics: { loss: total / seen, ...(contrast && { contrastive: contrasts / seen }) },
  }
}

/** The outputs of a layer for all examples, in order, without dropout. */
function representations(
  engine: Engine,
  lossOf: EngineLoss,
  { tensor }: Tap,
  weights: Float32Array,
  examples: Examples,
): Float32Array {
  const size = tensor.pixels * tensor.channels
  const found = new Float32Array(examples.count * size)
  inOrder(engine, lossOf, weights, examples, (part, from) => rowsOf(engine, tensor, part.length, found, from * size))
  return found
}

/** Runs all examples forward, in order and not in training, and calls `each` after each pass. */
function inOrder(
  engine: Engine,
  lossOf: EngineLoss,
  weights: Float32Array,
  examples: Examples,
  each: (part: Uint32Array, from: number) => void,
): void {
  engine.load(weights)
  const order = Uint32Array.from({ length: examples.count }, (_, index) => index)
  for (let from = 0; from < order.length; from += engine.capacity) {
    const part = order.subarray(from, from + engine.capacity)
    readBatch(engine, lossOf, examples, part)
    forward(engine, { batch: part.length, training: false, seed: 0, gradientShift: 0, gradientScale: 0 }, part)
    each(part, from)
  }
}

/** Runs a forward pass. Adds the example's index to LEARN_EMBEDDING, since a pass knows only the row. */
function forward(engine: Engine, pass: Pass, indices: Uint32Array): void {
  try {
    engine.forward(pass)
  } catch (error) {
    if (!(error instanceof CodedError && error.code === 'LEARN_EMBEDDING')) throw error
    throw learnError('LEARN_EMBEDDING', { ...error.values, index: indices[Number(error.values.row)] })
  }
}

/** Means over the examples, in order. */
export function evaluateOnEngine(
  engine: Engine,
  lossOf: EngineLoss,
  weights: Float32Array,
  examples: Examples,
  { perExample = false }: EvaluationOptions = {},
): Evaluation {
  const losses = perExample ? new Float32Array(examples.count) : undefined
  let total = 0
  let right = 0
  inOrder(engine, lossOf, weights, examples, (part, start) => {
    losses?.set(engine.exampleLosses(lossOf, part.length), start)
    const { loss, correct } = engine.loss(lossOf, part.length)
    total += loss
    right += correct ?? Number.NaN
  })
  return {
    samples: examples.count,
    ...(losses && { losses }),
    metrics: { loss: total / examples.count, ...(!Number.isNaN(right) && { accuracy: right / examples.count }) },
  }
}

/** Copies examples into the engine's memory. LEARN_LABEL for a label without an output of the model. */
function readBatch(engine: Engine, { check }: EngineLoss, examples: Examples, indices: Uint32Array): void {
  const size = sizeOf(examples.shape)
  const { bytes } = examples
  // WebAssembly divides bytes to the same values if the divisor is a float32.
  const divisible = bytes && Math.fround(bytes.divisor) === bytes.divisor ? bytes : undefined
  for (let row = 0; row < indices.length; row++) {
    const index = indices[row] ?? 0
    const value = examples.label(index)
    check(value, index)
    engine.labels[row] = value
    if (divisible) divisible.copy(index, engine.bytes, row * size)
    else examples.read(index, engine.features, row * size)
  }
  if (divisible) engine.divideBytes(indices.length, divisible.divisor)
}
