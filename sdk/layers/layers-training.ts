import type { LayersModel, Scalar, Tensor } from '@tensorflow/tfjs'
import type { Examples } from '../data/examples.ts'
import { columnsOf } from '../learn/columns.ts'
import { composedLoss } from '../learn/composed-loss.ts'
import { learnError } from '../learn/errors.ts'
import { chunkCount, chunkOf, chunkStart } from '../learn/evaluation.ts'
import { targetsIn } from '../learn/fitted-loss.ts'
import type { Evaluation, EvaluationOptions, TrainingRequest, Update } from '../learn/learner.ts'
import { localTraining, type StepTerms, stepTerms, yieldTurn } from '../learn/local-training.ts'
import { mergeEvaluations } from '../learn/merged-evaluation.ts'
import { type Metric, metricCounters } from '../learn/metrics.ts'
import type { Steps } from '../learn/steps.ts'
import { joined } from '../weights/joined.ts'
import { sizeOf } from '../weights/layout.ts'
import { layersError } from './errors.ts'
import { type BatchTargets, lossGradients } from './layers-loss.ts'
import { type Gradients, normScale, type Subject, type TensorSteps, tensorSteps } from './layers-steps.ts'
import { type BatchOutputs, type BatchTerms, batchTerms } from './layers-terms.ts'

type ComposedLoss = ReturnType<typeof composedLoss>

interface Batch extends BatchTargets {
  readonly indices: Uint32Array
  readonly features: Float32Array
}

/** Trains from the request's start. Leaves no tensors behind. */
export async function trainModel(subject: Subject, settings: Steps, request: TrainingRequest): Promise<Update> {
  const { examples, signal } = request
  const { tf, description } = subject
  checkExamples(subject, examples, 'train')
  subject.fitted.requireFit(examples)
  signal?.throwIfAborted()
  const training = localTraining(settings, description.layout, request)
  const terms = stepTerms(request.terms ?? {}, {
    size: description.layout.size,
    wholeBatchFor: description.wholeBatchFor,
  })
  const added = batchTerms(subject, request, training.centre, (model, weights) =>
    outputsOf(subject, model, weights, examples),
  )
  const { own } = subject.fitted.loss
  const composed = own && composedLoss(subject.fitted, own, examples)
  if (terms.exampleClip !== undefined && own?.wholeBatch) {
    const expected = `absent, since the loss ${own.name} compares the examples of a batch`
    throw learnError('LEARN_SETTING', { name: 'exampleClip', expected, value: terms.exampleClip })
  }
  setWeights(subject, training.start)
  const moves = tensorSteps(subject, training, terms)
  let total = 0
  let seen = 0
  let done = 0
  try {
    for (const { epoch, batch, indices, learningRate } of training.batches()) {
      const loss = tf.tidy(() => {
        const found = batchGradient(subject, moves, { ...terms, added, composed }, request, indices)
        if (Number.isFinite(found.loss)) moves.step(found.gradients, learningRate)
        return found.loss
      })
      if (!Number.isFinite(loss)) throw learnError('LEARN_DIVERGED', { epoch, batch, loss, learningRate })
      total += loss * indices.length
      seen += indices.length
      done += 1
      await yieldTurn()
      signal?.throwIfAborted()
    }
    const delta = training.deltaOf(currentWeights(subject))
    const contrasts = added.contrasts()
    const metrics = {
      loss: total / seen,
      ...(contrasts !== undefined && { contrastive: contrasts / seen }),
      ...(settings.schedule !== undefined && { 'learning-rate': training.steps.learningRate }),
    }
    return { delta, samples: examples.count, steps: done, metrics }
  } finally {
    moves.dispose()
  }
}

/** A learner's metrics, and the size of the batches over which a loss of whole batches is taken. */
interface EvaluationSettings {
  readonly metrics: readonly Metric[]
  readonly batch: number
}

/** Means over the examples, computed in fixed chunks in order. */
export async function evaluateModel(
  subject: Subject,
  settings: EvaluationSettings,
  weights: Float32Array,
  examples: Examples,
  { perExample = false }: EvaluationOptions = {},
): Promise<Evaluation> {
  checkExamples(subject, examples, 'evaluate')
  subject.fitted.requireFit(examples)
  setWeights(subject, weights)
  const losses = perExample ? new Float32Array(examples.count) : undefined
  const parts: Evaluation[] = []
  for (let chunk = 0; chunk < chunkCount(examples.count); chunk++) {
    const into = losses?.subarray(chunkStart(chunk))
    parts.push(evaluateChunk(subject, settings, chunkOf(examples, chunk), into))
  }
  return { ...mergeEvaluations(parts), ...(losses && { losses }) }
}

/** The outputs of a model over the subject's layers for all examples, in order, without dropout. */
export function outputsOf(
  subject: Subject,
  model: LayersModel,
  weights: Float32Array,
  examples: Examples,
): Float32Array {
  setWeights(subject, weights)
  const parts: Float32Array[] = []
  for (let chunk = 0; chunk < chunkCount(examples.count); chunk++) {
    const part = chunkOf(examples, chunk)
    const features = featuresOf(subject, part, allOf(part))
    const { tf } = subject
    parts.push(tf.tidy(() => apply(subject, model, features, part.count, false).outputs.dataSync<'float32'>().slice()))
  }
  return joined(parts, (length) => new Float32Array(length))
}

/** Indices of all examples. */
function allOf({ count }: Examples): Uint32Array {
  return Uint32Array.from({ length: count }, (_, index) => index)
}

/** Evaluates one chunk. Writes the loss of each example into `losses`. */
function evaluateChunk(
  subject: Subject,
  { metrics, batch: batchSize }: EvaluationSettings,
  examples: Examples,
  losses: Float32Array | undefined,
): Evaluation {
  const { tf, loss, fitted } = subject
  const samples = examples.count
  const batch = readBatch(subject, examples, allOf(examples))
  const { rows, mean } = tf.tidy(() => {
    const { outputs } = apply(subject, subject.model, batch.features, samples, false)
    const found = loss?.mean(batch, outputs).dataSync()[0] ?? Number.NaN
    if (losses && loss) losses.set(loss.each(batch, outputs).dataSync())
    return { rows: outputs.dataSync<'float32'>().slice(), mean: found }
  })
  const size = rows.length / samples
  const counters = metricCounters(metrics, fitted, examples)
  if (!counters.isEmpty)
    for (let index = 0; index < samples; index++) counters.add(index, rows.subarray(index * size, (index + 1) * size))
  const { own } = fitted.loss
  if (!own) {
    const correct = loss?.correct?.(batch.targets, rows)
    const known = { loss: mean, ...(correct !== undefined && { accuracy: correct / samples }) }
    return { samples, ...counters.found(known) }
  }
  const lossOf = composedLoss(fitted, own, examples)
  const partSize = own.wholeBatch ? batchSize : samples
  let total = 0
  for (let from = 0; from < samples; from += partSize) {
    const part = batch.indices.subarray(from, from + partSize)
    const found = lossOf(part, { outputs: rows.subarray(from * size, (from + part.length) * size) })
    losses?.set(found.losses, from)
    total += found.sum
  }
  return { samples, ...counters.found({ loss: total / samples }) }
}

/** Mean loss and gradients of a batch. To clip each example's gradient, passes one example at a time. */
function batchGradient(
  subject: Subject,
  moves: TensorSteps,
  {
    exampleClip,
    added,
    composed,
  }: StepTerms & { readonly added: BatchTerms; readonly composed: ComposedLoss | undefined },
  { examples, random }: TrainingRequest,
  indices: Uint32Array,
) {
  const partExamples = exampleClip === undefined ? indices.length : 1
  let loss = 0
  let sums: Gradients = []
  for (let from = 0; from < indices.length; from += partExamples) {
    const rows = indices.subarray(from, from + partExamples)
    const part = readBatch(subject, examples, rows)
    subject.description.seedDropout(random)
    const found = partGradient(subject, moves, added, part, composed, exampleClip === undefined)
    loss += (found.loss * partExamples) / indices.length
    if (exampleClip === undefined) {
      sums = found.gradients
    } else {
      const scale = normScale(exampleClip, found.gradients) / indices.length
      sums = found.gradients.map((gradient, index) => gradient.mul(scale).add(sums[index] ?? 0))
    }
  }
  if (exampleClip === undefined) return { loss, gradients: sums }
  const penalty = penaltyGradient(subject, moves)
  return { loss: loss + penalty.loss, gradients: sums.map((sum, index) => sum.add(penalty.gradients[index] ?? 0)) }
}

/** The penalties of the model's regularizers, and their gradients. */
function penaltyGradient({ tf, model }: Subject, { trained }: TensorSteps) {
  const penalties = model.calculateLosses()
  const variables = trained.map(({ variable }) => variable)
  if (penalties.length === 0) return { loss: 0, gradients: [] }
  const { value, grads } = lossGradients(
    tf,
    () => model.calculateLosses().reduce((sum, penalty) => tf.add(sum, penalty), tf.scalar(0)),
    variables,
  )
  const gradients = variables.map((variable) => grads[variable.name] ?? tf.zerosLike<Tensor>(variable))
  return { loss: value.dataSync()[0] ?? Number.NaN, gradients }
}

/** Mean loss, without the terms, and gradients, with them, of some examples. */
function partGradient(
  subject: Subject,
  { trained }: TensorSteps,
  added: BatchTerms,
  batch: Batch,
  composed: ComposedLoss | undefined,
  withPenalty: boolean,
) {
  const { tf, model } = subject
  const { indices } = batch
  let plain: number | undefined
  const { value, grads } = lossGradients(
    tf,
    () => {
      const found = apply(subject, added.model, batch.features, batch.examples, true)
      const own = composed?.(indices, { outputs: found.outputs.dataSync<'float32'>() }, 1 / indices.length)
      const mean = own ? tf.scalar(own.sum / indices.length) : subject.loss?.mean(batch, found.outputs)
      if (!mean) throw new TypeError(`${subject.fitted.loss.name} has no operations`)
      const penalties = withPenalty ? model.calculateLosses() : []
      const loss = penalties.reduce((sum, penalty) => tf.add(sum, penalty), mean)
      const terms = added.surrogate(indices, found)
      // As those of the terms, the gradient by the outputs is known, and each output is multiplied by it.
      const slopes =
        own && found.outputs.mul(tf.tensor(Float32Array.from(own.outputs), found.outputs.shape)).sum<Scalar>()
      const surrogate = slopes && terms ? slopes.add<Scalar>(terms) : (slopes ?? terms)
      if (!surrogate) return loss
      plain = loss.dataSync()[0]
      return loss.add<Scalar>(surrogate)
    },
    trained.map(({ variable }) => variable),
  )
  const gradients = trained.map(({ variable }) => grads[variable.name] ?? tf.zerosLike<Tensor>(variable))
  return { loss: plain ?? value.dataSync()[0] ?? Number.NaN, gradients }
}

/** Runs a model over the subject's layers, which may have the representation as its second output. */
function apply(
  { tf, description, forLoss }: Subject,
  model: LayersModel,
  features: Float32Array,
  samples: number,
  training: boolean,
): BatchOutputs {
  const { inputShapes, outputShapes, inputShape } = description
  let next = 0
  const inputs = inputShapes.map((shape) => {
    const [from, size] = [next, sizeOf(shape)]
    next += size
    const values = inputShapes.length === 1 ? features : columnsOf(features, sizeOf(inputShape), from, size)
    return tf.tensor(values, [samples, ...shape])
  })
  const found = [forLoss(() => model.apply(inputs, { training }))].flat()
  const tensors = found.filter((each) => each instanceof tf.Tensor)
  const [first, ...others] = tensors.slice(0, outputShapes.length)
  if (!first || tensors.length < found.length) throw layersError('LEARN_MODEL', { came: 'its output is no tensor' })
  const outputs =
    others.length === 0
      ? first
      : tf.concat(
          [first, ...others].map((each) => each.reshape([samples, -1])),
          1,
        )
  return { outputs, representation: tensors[outputShapes.length] }
}

function readBatch(subject: Subject, examples: Examples, indices: Uint32Array): Batch {
  const { fitted, loss } = subject
  const { rows } = fitted
  const perExample = targetsIn(fitted, examples)
  // New arrays for each batch, since TensorFlow.js may keep the arrays instead of a copy.
  const targets = new Float32Array(indices.length * perExample)
  const weights = loss?.isWeighed ? new Float64Array(indices.length * rows) : undefined
  for (const [row, index] of indices.entries()) {
    fitted.read(examples, index, targets, row * perExample)
    if (weights) fitted.weigh(examples, index, targets, row * perExample, weights, row * rows)
  }
  return { indices, features: featuresOf(subject, examples, indices), examples: indices.length, targets, weights }
}

function featuresOf({ description }: Subject, examples: Examples, indices: Uint32Array): Float32Array {
  const size = sizeOf(description.inputShape)
  const features = new Float32Array(indices.length * size)
  for (const [row, index] of indices.entries()) examples.read(index, features, row * size)
  return features
}

export function checkExamples(
  { description }: Subject,
  { count, shape }: Examples,
  purpose: 'train' | 'evaluate',
): void {
  if (count < 1) throw learnError('LEARN_EMPTY', { purpose })
  if (sizeOf(shape) !== sizeOf(description.inputShape)) {
    throw learnError('LEARN_INPUT', { expected: description.inputShape, came: shape })
  }
}

function setWeights({ tf, model, description }: Subject, weights: Float32Array): void {
  const expected = description.layout.size
  if (weights.length !== expected) {
    throw learnError('LEARN_WEIGHTS', { what: 'the weights', expected, came: weights.length })
  }
  tf.tidy(() => {
    let start = 0
    for (const [index, { shape }] of description.layout.tensors.entries()) {
      const end = start + sizeOf(shape)
      const variable = model.weights[index]?.read()
      // Without constraints, which hold after steps.
      if (variable instanceof tf.Variable) variable.assign(tf.tensor(weights.slice(start, end), [...shape]))
      start = end
    }
  })
}

function currentWeights({ model, description }: Subject): Float32Array {
  const weights = new Float32Array(description.layout.size)
  let start = 0
  for (const weight of model.weights) {
    const values = weight.read().dataSync()
    weights.set(values, start)
    start += values.length
  }
  return weights
}
