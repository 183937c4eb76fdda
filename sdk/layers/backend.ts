import { CodedError } from '../../runtime/index.ts'
import type { Examples } from '../data/examples.ts'
import { oneAtATime } from '../learn/local-training.ts'
import type { Steps } from '../learn/steps.ts'
import { randomStream } from '../random/random-stream.ts'
import type { Subject } from './layers-steps.ts'
import { evaluateModel, trainModel } from './layers-training.ts'
import type { TensorFlow } from './tensorflow.ts'

/** The backend in plain JavaScript: slow, but the only one with every kernel. */
const plain = 'cpu'

/** The backend of TensorFlow.js that a model runs on. */
export interface Backend {
  readonly name: string
  /** If not the usual backend: the name of the usual one, and the reason for which it can't run the model. */
  readonly instead?: { readonly of: string; readonly reason: string }
  /** Runs work on the backend, when nothing else runs on this TensorFlow.js. */
  run<Result>(work: () => Promise<Result>): Promise<Result>
}

/** TensorFlow.js has one backend at a time in a thread, so its learners take turns. */
const turns = new WeakMap<TensorFlow, ReturnType<typeof oneAtATime>>()

function turnsOf(tf: TensorFlow): ReturnType<typeof oneAtATime> {
  const found = turns.get(tf) ?? oneAtATime()
  turns.set(tf, found)
  return found
}

/**
 * Finds the backend for a model by trying one step: the usual backend if the step succeeds, else plain JavaScript. The
 * WebAssembly backend lacks gradients of convolutions, among others, which shows only in the middle of a step.
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

/** Runs work on a backend, and restores the backend from before. Tensors move to the backend that uses them. */
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

/**
 * Tries a step and an evaluation of one example of zeros with weights of zeros, to find out whether the backend has all
 * kernels.
 */
export async function probe(subject: Subject, steps: Steps): Promise<void> {
  const { layout, inputShape } = subject.description
  const { targets, loss } = subject.fitted
  const weights = new Float32Array(layout.size)
  const columns = [loss.exampleWeights, ...(loss.own?.columns ?? [])].filter((name) => name !== undefined)
  const examples: Examples = {
    count: 1,
    shape: inputShape,
    read: () => {},
    label: () => 0,
    targets:
      targets === 1 ? undefined : { shape: [targets], read: (_, out, offset) => out.fill(0, offset, offset + targets) },
    columns: Object.fromEntries(columns.map((name) => [name, () => 1])),
  }
  try {
    await trainModel(subject, { ...steps, epochs: 1 }, { weights, examples, random: randomStream(0, 'probe') })
  } catch (error) {
    // A model may fail on zeros, and yet train on its real data.
    if (!(error instanceof CodedError && error.code === 'LEARN_DIVERGED')) throw error
  }
  await evaluateModel(subject, { metrics: [], batch: steps.batch }, weights, examples)
}
