import { CodedError } from '../../runtime/index.ts'
import type { Examples } from '../data/examples.ts'
import { oneAtATime } from '../learn/local-training.ts'
import type { Steps } from '../learn/steps.ts'
import { randomStream } from '../random/random-stream.ts'
import type { Subject } from './layers-steps.ts'
import { evaluateModel, trainModel } from './layers-training.ts'
import type { TensorFlow } from './tensorflow.ts'

/** The backend in plain JavaScript: slow, and the only one that has every kernel. */
const plain = 'cpu'

/** The backend of TensorFlow.js that a model runs on. */
export interface Backend {
  readonly name: string
  /** Where it isn't the usual one: which is, and why that can't run the model. */
  readonly instead?: { readonly of: string; readonly reason: string }
  /** Runs work on it, when nothing else runs on this TensorFlow.js. */
  run<Result>(work: () => Promise<Result>): Promise<Result>
}

/** TensorFlow.js has one backend at a time for all that is done in a thread, so all of its learners take turns. */
const turns = new WeakMap<TensorFlow, ReturnType<typeof oneAtATime>>()

function turnsOf(tf: TensorFlow): ReturnType<typeof oneAtATime> {
  const found = turns.get(tf) ?? oneAtATime()
  turns.set(tf, found)
  return found
}

/**
 * Finds the backend for a model by a step of it: the usual one, if the step goes through; else plain JavaScript. The WebAssembly
 * backend lacks gradients of convolutions, among others, and finds that out in the middle of a step.
 *
 * @throws the step's error in plain JavaScript.
 */
export function backendFor(tf: TensorFlow, step: () => Promise<void>): Promise<Backend> {
  return turnsOf(tf)(async () => {
    const usual = tf.getBackend()
    try {
      await step()
      return { name: usual, run: (work) => turnsOf(tf)(() => on(tf, usual, work)) }
    } catch (error) {
      if (usual === plain) throw error
      await on(tf, plain, step)
      const reason = error instanceof Error ? error.message : String(error)
      return { name: plain, instead: { of: usual, reason }, run: (work) => turnsOf(tf)(() => on(tf, plain, work)) }
    }
  })
}

/** Leaves the backend as it was. Tensors go over to the backend that they are used on. */
async function on<Result>(tf: TensorFlow, name: string, work: () => Promise<Result>): Promise<Result> {
  const before = tf.getBackend()
  if (before === name) return work()
  await tf.setBackend(name)
  try {
    return await work()
  } finally {
    await tf.setBackend(before)
  }
}

/** A step, and an evaluation, of one example of zeros from weights of zeros: shows whether there is a kernel for all of it. */
export async function probe(subject: Subject, steps: Steps): Promise<void> {
  const { layout, inputShape } = subject.description
  const weights = new Float32Array(layout.size)
  const examples: Examples = { count: 1, shape: inputShape, read: () => {}, label: () => 0 }
  try {
    await trainModel(subject, { ...steps, epochs: 1 }, { weights, examples, random: randomStream(0, 'probe') })
  } catch (error) {
    // A model may refuse zeros, and take the data for which it was made.
    if (!(error instanceof CodedError && error.code === 'LEARN_DIVERGED')) throw error
  }
  await evaluateModel(subject, weights, examples)
}
