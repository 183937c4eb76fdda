import type { LayersModel, Scalar, Tensor } from '@tensorflow/tfjs'
import type { Examples } from '../data/examples.ts'
import { learnError } from '../learn/errors.ts'
import { chunkCount, chunkOf, chunkStart, mergeEvaluations } from '../learn/evaluation.ts'
import type { Evaluation, EvaluationOptions, TrainingRequest, Update } from '../learn/learner.ts'
import { localTraining, type StepTerms, stepTerms, yieldTurn } from '../learn/local-training.ts'
import type { Steps } from '../learn/steps.ts'
import { joined } from '../weights/joined.ts'
import { sizeOf } from '../weights/layout.ts'
import { lossGradients } from './layers-loss.ts'
import { type Gradients, normScale, type Subject, type TensorSteps, tensorSteps } from './layers-steps.ts'
import { type BatchOutputs, type BatchTerms, batchTerms } from './layers-terms.ts'

interface Batch {
  readonly features: Float32Array
  readonly labels: Float32Array
}

/** Trains from the request's start. Leaves no tensors behind. */
export async function trainModel(subject: Subject, settings: Steps, request: TrainingRequest): Promise<Update> {
  const { examples, signal } = request
  const { tf, description } = subject
  checkExamples(subject, examples, 'train')
  signal?.throwIfAborted()
  const training = localTraining(settings, description.layout, request)
  const { steps } = training
  const terms = stepTerms(request.terms ?? {}, {
    size: description.layout.size,
    wholeBatchFor: description.wholeBatchFor,
  })
  const added = batchTerms(subject, request, training.centre, (model, weights) =>
    representations(subject, model, weights, examples),
  )
  setWeights(subject, training.start)
  const moves = tensorSteps(subject, training, terms)
  let total = 0
  let seen = 0
  let done = 0
  try {
    for (const { epoch, batch, indices } of training.batches()) {
      const loss = tf.tidy(() => {
        const found = batchGradient(subject, moves, { ...terms, added }, request, indices)
        if (Number.isFinite(found.loss)) moves.step(found.gradients)
        return found.loss
      })
      if (!Number.isFinite(loss)) {
        const { learningRate } = steps
        throw learnError('LEARN_DIVERGED', { epoch, batch, loss, learningRate })
      }
      total += loss * indices.length
      seen += indices.length
      done += 1
      await yieldTurn()
      signal?.throwIfAborted()
    }
    const delta = training.deltaOf(currentWeights(subject))
    const contrasts = added.contrasts()
    const metrics = { loss: total / seen, ...(contrasts !== undefined && { contrastive: contrasts / seen }) }
    return { delta, samples: examples.count, steps: done, metrics }
  } finally {
    moves.dispose()
  }
}

/** Means over the examples, computed in fixed chunks in order. */
export async function evaluateModel(
  subject: Subject,
  weights: Float32Array,
  examples: Examples,
  { perExample = false }: EvaluationOptions = {},
): Promise<Evaluation> {
  checkExamples(subject, examples, 'evaluate')
  setWeights(subject, weights)
  const losses = perExample ? new Float32Array(examples.count) : undefined
  const parts: Evaluation[] = []
  for (let chunk = 0; chunk < chunkCount(examples.count); chunk++) {
    const into = losses?.subarray(chunkStart(chunk))
    parts.push(evaluateChunk(subject, chunkOf(examples, chunk), into))
  }
  return { ...mergeEvaluations(parts), ...(losses && { losses }) }
}

/** The outputs of a model over the subject's layers for all examples, in order, without dropout. */
function representations(
  subject: Subject,
  model: LayersModel,
  weights: Float32Array,
  examples: Examples,
): Float32Array {
  setWeights(subject, weights)
  const parts: Float32Array[] = []
  for (let chunk = 0; chunk < chunkCount(examples.count); chunk++) {
    const part = chunkOf(examples, chunk)
    const order = Uint32Array.from({ length: part.count }, (_, index) => index)
    const { features } = readBatch(subject, part, order)
    const { tf } = subject
    parts.push(tf.tidy(() => apply(subject, model, features, part.count, false).outputs.dataSync<'float32'>().slice()))
  }
  return joined(parts, (length) => new Float32Array(length))
}

/** Evaluates one chunk. Writes the loss of each example into `losses`. */
function evaluateChunk(subject: Subject, examples: Examples, losses: Float32Array | undefined): Evaluation {
  const { tf, loss } = subject
  const samples = examples.count
  const order = Uint32Array.from({ length: samples }, (_, index) => index)
  return tf.tidy(() => {
    const { features, labels } = readBatch(subject, examples, order)
    const { outputs } = apply(subject, subject.model, features, samples, false)
    const correct = loss.correct?.(labels, outputs.dataSync())
    const [mean = Number.NaN] = loss.mean(labels, outputs).dataSync()
    if (losses) losses.set(loss.each(labels, outputs).dataSync())
    return { samples, metrics: { loss: mean, ...(correct !== undefined && { accuracy: correct / samples }) } }
  })
}

/** Mean loss and gradients of a batch. To clip each example's gradient, passes one example at a time. */
function batchGradient(
  subject: Subject,
  moves: TensorSteps,
  { exampleClip, added }: StepTerms & { readonly added: BatchTerms },
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
    const found = partGradient(subject, moves, added, part, rows)
    loss += (found.loss * partExamples) / indices.length
    if (exampleClip === undefined) {
      sums = found.gradients
    } else {
      const scale = normScale(exampleClip, found.gradients) / indices.length
      sums = found.gradients.map((gradient, index) => gradient.mul(scale).add(sums[index] ?? 0))
    }
  }
  return { loss, gradients: sums }
}

/** Mean loss, without the terms, and gradients, with them, of some examples. */
function partGradient(
  subject: Subject,
  { trained }: TensorSteps,
  added: BatchTerms,
  { features, labels }: Batch,
  indices: Uint32Array,
) {
  const { tf, model } = subject
  let plain: number | undefined
  const { value, grads } = lossGradients(
    tf,
    () => {
      const found = apply(subject, added.model, features, labels.length, true)
      const loss = model
        .calculateLosses()
        .reduce((sum, penalty) => tf.add(sum, penalty), subject.loss.mean(labels, found.outputs))
      const surrogate = added.surrogate(indices, found)
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
  const input = tf.tensor(features, [samples, ...description.inputShape])
  const [outputs, representation] = [forLoss(() => model.apply(input, { training }))].flat()
  if (outputs instanceof tf.Tensor && (representation === undefined || representation instanceof tf.Tensor))
    return { outputs, representation }
  throw learnError('LEARN_MODEL', { came: 'its output is no tensor' })
}

function readBatch({ description, loss }: Subject, examples: Examples, indices: Uint32Array): Batch {
  const size = sizeOf(description.inputShape)
  // New arrays for each batch, since TensorFlow.js may keep the arrays instead of a copy.
  const features = new Float32Array(indices.length * size)
  const labels = new Float32Array(indices.length)
  indices.forEach((index, row) => {
    const label = examples.label(index)
    loss.check(label, index)
    labels[row] = label
    examples.read(index, features, row * size)
  })
  return { features, labels }
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
      model.weights[index]?.write(tf.tensor(weights.slice(start, end), [...shape]))
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
