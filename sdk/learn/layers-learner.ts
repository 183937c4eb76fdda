import type { LayersModel } from '@tensorflow/tfjs'
import { learnError } from './errors.ts'
import { type LossName, lossOf } from './layers-loss.ts'
import { describeModel } from './layers-model.ts'
import { evaluateModel, type Steps, trainModel } from './layers-training.ts'
import type { Learner } from './learner.ts'
import { loadTensorFlow, type TensorFlow } from './tensorflow.ts'

export interface LayersLearnerSettings extends Steps {
  /** Makes the model with the given TensorFlow.js, without a last activation: the loss applies it. */
  readonly model: (tf: TensorFlow) => LayersModel
  readonly loss: LossName
}

/**
 * A learner that trains a TensorFlow.js layers model by SGD. Same weights, examples and stream give the same bits in any
 * thread. The initial weights are drawn from the stream by each layer's initializer.
 *
 * @throws LEARN_SETTING, LEARN_MODEL, LEARN_RANDOM_LAYER; LEARN_INITIALIZER when initial weights are drawn; in training
 *   LEARN_DIVERGED, and for examples that don't fit the model LEARN_EMPTY, LEARN_INPUT and LEARN_LABEL.
 */
export async function layersLearner(settings: LayersLearnerSettings): Promise<Learner> {
  check(settings)
  const tf = await loadTensorFlow()
  const model = settings.model(tf)
  const description = describeModel(tf, model)
  const loss = lossOf(tf, settings.loss, description.outputs)
  const subject = { tf, model, description, loss }

  // The model's variables hold one client's weights at a time.
  let last: Promise<unknown> = Promise.resolve()
  const exclusively = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const next = last.then(work, work)
    last = next
    return next
  }
  return {
    layout: description.layout,
    modelTopology: description.topology,
    initialWeights: async (random) => description.initialWeights(random),
    train: (request) => exclusively(() => trainModel(subject, settings, request)),
    evaluate: (weights, examples) => exclusively(() => evaluateModel(subject, weights, examples)),
    dispose: () => void model.dispose(),
  }
}

function check({ learningRate, epochs, batch, momentum = 0 }: Steps): void {
  const rule = (name: string, value: number, fits: boolean, expected: string) => {
    if (!fits) throw learnError('LEARN_SETTING', { name, expected, value })
  }
  rule('learningRate', learningRate, learningRate > 0 && Number.isFinite(learningRate), 'a finite number above 0')
  rule('epochs', epochs, Number.isInteger(epochs) && epochs >= 1, 'an integer from 1')
  rule('batch', batch, Number.isInteger(batch) && batch >= 1, 'an integer from 1')
  rule('momentum', momentum, momentum >= 0 && momentum < 1, 'from 0 and below 1')
}
