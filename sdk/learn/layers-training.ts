import type { LayersModel, Tensor, Variable } from '@tensorflow/tfjs'
import type { Examples } from '../data/examples.ts'
import { sizeOf } from '../weights/layout.ts'
import { learnError } from './errors.ts'
import { chunkCount, chunkOf, mergeEvaluations } from './evaluation.ts'
import type { Loss } from './layers-loss.ts'
import type { ModelDescription } from './layers-model.ts'
import type { Evaluation, LocalTerms, TrainingRequest, Update } from './learner.ts'
import type { TensorFlow } from './tensorflow.ts'
import { yieldTurn } from './yield-turn.ts'

/** How a client's weights move: plain SGD over mini-batches. */
export interface Steps {
  /** η of SGD. */
  readonly learningRate: number
  /** E: passes over the client's examples. */
  readonly epochs: number
  /** B: examples per step. The last step of an epoch takes what is left. */
  readonly batch: number
  /** Heavy-ball momentum, from no velocity in each training. Default 0. */
  readonly momentum?: number
}

/** A model to train: its variables hold the weights of one client at a time. */
export interface Subject {
  readonly tf: TensorFlow
  readonly model: LayersModel
  readonly description: ModelDescription
  readonly loss: Loss
}

interface Batch {
  readonly features: Float32Array
  readonly labels: Float32Array
}

/** Trains from the request's weights; the model's tensors are as many after as before. */
export async function trainModel(subject: Subject, steps: Steps, request: TrainingRequest): Promise<Update> {
  const { examples, random, signal, weights, terms = {} } = request
  checkExamples(subject, examples, 'train')
  signal?.throwIfAborted()
  setWeights(subject, weights)
  const { step, dispose } = optimizer(subject, steps, terms)
  let total = 0
  try {
    const order = Uint32Array.from({ length: examples.count }, (_, index) => index)
    for (let epoch = 1; epoch <= steps.epochs; epoch++) {
      random.shuffle(order)
      for (let start = 0; start < order.length; start += steps.batch) {
        const batch = readBatch(subject, examples, order.subarray(start, start + steps.batch))
        subject.description.seedDropout(random)
        const loss = step(batch)
        if (!Number.isFinite(loss)) {
          throw learnError('LEARN_DIVERGED', { epoch, batch: start / steps.batch + 1, loss })
        }
        total += loss * batch.labels.length
        await yieldTurn()
        signal?.throwIfAborted()
      }
    }
    const delta = currentWeights(subject)
    for (let index = 0; index < delta.length; index++) delta[index] = (delta[index] ?? 0) - (weights[index] ?? 0)
    return { delta, samples: examples.count, metrics: { loss: total / (examples.count * steps.epochs) } }
  } finally {
    dispose()
  }
}

/** Means over the examples, taken in fixed chunks in their order. */
export async function evaluateModel(subject: Subject, weights: Float32Array, examples: Examples): Promise<Evaluation> {
  checkExamples(subject, examples, 'evaluate')
  setWeights(subject, weights)
  const parts: Evaluation[] = []
  for (let chunk = 0; chunk < chunkCount(examples.count); chunk++) {
    parts.push(evaluateChunk(subject, chunkOf(examples, chunk)))
  }
  return mergeEvaluations(parts)
}

function evaluateChunk(subject: Subject, examples: Examples): Evaluation {
  const { tf, loss } = subject
  const samples = examples.count
  const order = Uint32Array.from({ length: samples }, (_, index) => index)
  return tf.tidy(() => {
    const { features, labels } = readBatch(subject, examples, order)
    const outputs = apply(subject, features, samples, false)
    const correct = loss.correct?.(labels, outputs.dataSync())
    const [mean = Number.NaN] = loss.mean(labels, outputs).dataSync()
    return { samples, metrics: { loss: mean, ...(correct !== undefined && { accuracy: correct / samples }) } }
  })
}

/** One step of SGD on a batch, returning the loss before it. FedProx's term is added to the gradient. */
function optimizer({ tf, model, ...subject }: Subject, steps: Steps, { proximal = 0 }: LocalTerms) {
  const { learningRate, momentum = 0 } = steps
  const trained = model.trainableWeights.map((weight) => {
    const variable = weight.read()
    if (!isVariable(tf, variable)) throw new TypeError(`${weight.name} is no variable`)
    return {
      weight,
      variable,
      start: proximal === 0 ? undefined : variable.clone(),
      velocity: momentum === 0 ? undefined : tf.zerosLike<Tensor>(variable),
    }
  })
  const variables = trained.map(({ variable }) => variable)
  const step = ({ features, labels }: Batch): number =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => {
        const outputs = apply({ tf, model, ...subject }, features, labels.length, true)
        return model
          .calculateLosses()
          .reduce((sum, penalty) => tf.add(sum, penalty), subject.loss.mean(labels, outputs))
      }, variables)
      for (const entry of trained) {
        let gradient = grads[entry.variable.name]
        if (!gradient) continue
        if (entry.start) gradient = gradient.add(entry.variable.sub(entry.start).mul(proximal))
        if (entry.velocity) {
          gradient = tf.keep(entry.velocity.mul(momentum).add(gradient))
          entry.velocity.dispose()
          entry.velocity = gradient
        }
        entry.weight.write(entry.variable.sub(gradient.mul(learningRate)))
      }
      return value.dataSync()[0] ?? Number.NaN
    })
  const dispose = () => {
    for (const { start, velocity } of trained) {
      start?.dispose()
      velocity?.dispose()
    }
  }
  return { step, dispose }
}

function apply(
  { tf, model, description }: Subject,
  features: Float32Array,
  samples: number,
  training: boolean,
): Tensor {
  const outputs = model.apply(tf.tensor(features, [samples, ...description.inputShape]), { training })
  if (outputs instanceof tf.Tensor) return outputs
  throw learnError('LEARN_MODEL', { came: 'it gave no tensor' })
}

function readBatch({ description, loss }: Subject, examples: Examples, indices: Uint32Array): Batch {
  const size = sizeOf(description.inputShape)
  // New arrays for each batch: TensorFlow.js may keep them instead of copying.
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

function checkExamples({ description }: Subject, { count, shape }: Examples, purpose: 'train' | 'evaluate'): void {
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

function isVariable(tf: TensorFlow, tensor: Tensor): tensor is Variable {
  return tensor instanceof tf.Variable
}
