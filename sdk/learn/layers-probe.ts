import { CodedError } from '../../runtime/index.ts'
import type { Examples } from '../data/examples.ts'
import { randomStream } from '../random/random-stream.ts'
import type { Subject } from './layers-steps.ts'
import { evaluateModel, trainModel } from './layers-training.ts'
import type { Steps } from './steps.ts'

/** A step, and an evaluation, of one example of zeros from weights of zeros: shows whether there is a kernel for all of it. */
export async function probe(subject: Subject, steps: Steps): Promise<void> {
  const { layout, inputShape } = subject.description
  const weights = new Float32Array(layout.size)
  const examples: Examples = { count: 1, shape: inputShape, read: () => {}, label: () => 0 }
  try {
    await trainModel(subject, { ...steps, epochs: 1 }, { weights, examples, random: randomStream(0, 'probe') })
  } catch (error) {
    // Zeros may be beyond what the model was made for; what it was made for shows in training.
    if (!(error instanceof CodedError && error.code === 'LEARN_DIVERGED')) throw error
  }
  await evaluateModel(subject, weights, examples)
}
