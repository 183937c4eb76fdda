import { CodedError } from '../../runtime/index.ts'
import type { Examples } from '../data/examples.ts'
import { learnError } from '../learn/errors.ts'
import type { FittedLoss } from '../learn/fitted-loss.ts'
import type { Evaluation, EvaluationOptions, TrainingRequest, Update } from '../learn/learner.ts'
import { localTraining, stepTerms, yieldTurn } from '../learn/local-training.ts'
import { type Metric, metricCounters } from '../learn/metrics.ts'
import type { Steps } from '../learn/steps.ts'
import { type Layout, sizeOf } from '../weights/layout.ts'
import type { Engine, Tap } from './engine.ts'
import { passLoss } from './engine-pass-loss.ts'
import { beginSteps } from './engine-steps.ts'
import { contrastiveTerm, groupTerm, rowsOf } from './engine-terms.ts'
import type { Pass } from './plan.ts'

/** Trains from the request's start, over mini-batches. */
export async function trainOnEngine(
  engine: Engine,
  fitted: FittedLoss,
  settings: Steps,
  layout: Layout,
  request: TrainingRequest,
): Promise<Update> {
  const { examples, random, signal } = request
  signal?.throwIfAborted()
  const training = localTraining(settings, layout, request)
  const { contrastive: asked, groups: grouped } = request.terms ?? {}
  const terms = stepTerms(request.terms ?? {}, { size: layout.size, wholeBatchFor: engine.wholeBatchFor })
  if (terms.exampleClip !== undefined && fitted.loss.own?.wholeBatch) {
    const expected = `absent, since the loss ${fitted.loss.name} compares the examples of a batch`
    throw learnError('LEARN_SETTING', { name: 'exampleClip', expected, value: terms.exampleClip })
  }
  const lossOf = passLoss(engine, fitted, examples)
  const tap = asked && engine.tap(asked.layer)
  const contrast =
    asked &&
    tap &&
    contrastiveTerm(engine, tap, asked, {
      shared: representations(engine, tap, training.centre, examples),
      previous: representations(engine, tap, asked.previous, examples),
    })
  const groups = grouped && groupTerm(engine, fitted, grouped, examples)
  const { target, step, addExample } = beginSteps(engine, training, terms)
  const passExamples = addExample ? 1 : engine.capacity

  let total = 0
  let contrasts = 0
  let seen = 0
  let done = 0
  for (const { epoch, batch: number, indices: batch, learningRate } of training.batches()) {
    let loss = 0
    for (let from = 0; from < batch.length; from += passExamples) {
      const part = batch.subarray(from, from + passExamples)
      lossOf.read(part)
      readFeatures(engine, examples, part)
      const seed = engine.seeded ? random.uint32() : 0
      const pass: Pass = { batch: part.length, training: true, seed, ...target(learningRate) }
      forward(engine, pass, part)
      const scale = addExample ? 1 : 1 / batch.length
      loss += lossOf.run(part, scale).loss
      groups?.add(part, scale)
      const add = () => {
        contrasts += contrast?.add(part, scale) ?? 0
      }
      engine.backward(pass, [...lossOf.added, ...(tap ? [{ to: tap, add }] : [])])
      addExample?.(batch.length)
    }
    loss += batch.length * engine.rules.penalty(engine.kernels)
    if (!Number.isFinite(loss)) {
      throw learnError('LEARN_DIVERGED', { epoch, batch: number, loss: loss / batch.length, learningRate })
    }
    step(learningRate)
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
    metrics: {
      loss: total / seen,
      ...(contrast && { contrastive: contrasts / seen }),
      ...(settings.schedule !== undefined && { 'learning-rate': training.steps.learningRate }),
    },
  }
}

/** The outputs of a layer for all examples, in order, without dropout. */
function representations(engine: Engine, { tensor }: Tap, weights: Float32Array, examples: Examples): Float32Array {
  const size = tensor.pixels * tensor.channels
  const found = new Float32Array(examples.count * size)
  inOrder(engine, weights, examples, (part, from) => rowsOf(engine, tensor, part.length, found, from * size))
  return found
}

/** The outputs of the model for all examples, in order, without dropout. */
export function outputsOfEngine(engine: Engine, weights: Float32Array, examples: Examples): Float32Array {
  const { output, outputs } = engine
  const found = new Float32Array(examples.count * outputs)
  inOrder(engine, weights, examples, (part, from) => rowsOf(engine, output, part.length, found, from * outputs))
  return found
}

/** Runs all examples forward, in order and not in training, and calls `each` after each pass. */
function inOrder(
  engine: Engine,
  weights: Float32Array,
  examples: Examples,
  each: (part: Uint32Array, from: number) => void,
  passExamples = engine.capacity,
): void {
  engine.load(weights)
  const order = Uint32Array.from({ length: examples.count }, (_, index) => index)
  for (let from = 0; from < order.length; from += passExamples) {
    const part = order.subarray(from, from + passExamples)
    readFeatures(engine, examples, part)
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

/** A learner's metrics, and the size of the batches over which a loss of whole batches is taken. */
interface EvaluationSettings {
  readonly metrics: readonly Metric[]
  readonly batch: number
}

/** Means over the examples, in order. */
export function evaluateOnEngine(
  engine: Engine,
  fitted: FittedLoss,
  { metrics, batch }: EvaluationSettings,
  weights: Float32Array,
  examples: Examples,
  { perExample = false }: EvaluationOptions = {},
): Evaluation {
  const losses = perExample ? new Float32Array(examples.count) : undefined
  const { output, outputs } = engine
  const lossOf = passLoss(engine, fitted, examples)
  const counters = metricCounters(metrics, fitted, examples)
  const rows = new Float32Array(outputs)
  let total = 0
  let right = 0
  const byOutput = (fitted.parts ?? []).map(({ name }) => ({ name, total: 0 }))
  const evaluate = (part: Uint32Array, start: number) => {
    lossOf.read(part)
    losses?.set(lossOf.each(part), start)
    const { loss, correct, byOutput: sums } = lossOf.run(part)
    for (const [at, output] of byOutput.entries()) output.total += sums?.[at] ?? 0
    total += loss
    right += correct ?? Number.NaN
    if (counters.isEmpty) return
    for (const [row, index] of part.entries()) {
      rowsOf(engine, output, 1, rows, 0, row)
      counters.add(index, rows)
    }
  }
  inOrder(engine, weights, examples, evaluate, fitted.loss.own?.wholeBatch ? batch : engine.capacity)
  const { count } = examples
  const isSingle = fitted.rows === 1 && fitted.targets === 1 && fitted.loss.masked === undefined
  return {
    samples: count,
    ...(losses && { losses }),
    ...counters.found({
      loss: total / count,
      ...Object.fromEntries(byOutput.map(({ name, total: own }) => [`loss-${name}`, own / count])),
      ...(isSingle && !Number.isNaN(right) && { accuracy: right / count }),
    }),
  }
}

/** Copies features of examples into the engine's memory. */
function readFeatures(engine: Engine, examples: Examples, indices: Uint32Array): void {
  const size = sizeOf(examples.shape)
  const { bytes } = examples
  // WebAssembly divides bytes to the same values if the divisor is a float32.
  const divisible = bytes && Math.fround(bytes.divisor) === bytes.divisor ? bytes : undefined
  for (let row = 0; row < indices.length; row++) {
    const index = indices[row] ?? 0
    if (divisible) divisible.copy(index, engine.bytes, row * size)
    else examples.read(index, engine.features, row * size)
  }
  if (divisible) engine.divideBytes(indices.length, divisible.divisor)
}
