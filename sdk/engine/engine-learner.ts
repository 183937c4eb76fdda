import type { Examples } from '../data/examples.ts'
import { learnError } from '../learn/errors.ts'
import { lastActivationRemark } from '../learn/last-activation.ts'
import type { Learner } from '../learn/learner.ts'
import { checkLabels, type LossName } from '../learn/loss-name.ts'
import { oneAtATime } from '../learn/one-at-a-time.ts'
import type { Steps } from '../learn/steps.ts'
import { sizeOf } from '../weights/layout.ts'
import { engine } from './engine.ts'
import { engineLoss } from './engine-loss.ts'
import type { EngineModel } from './engine-model.ts'
import { evaluateOnEngine, trainOnEngine } from './engine-training.ts'

/** Examples that an evaluation takes at once, memory allowing. */
const evaluationBatch = 100

/** A learner that trains a model in the engine's WebAssembly kernels: the same bits in every process, thread and browser. */
export function engineLearner(model: EngineModel, loss: LossName, steps: Steps): Learner {
  const lossOf = engineLoss(loss, model.outputs)
  const { graph, layout, topology, lastActivation } = model
  const running = engine({ graph, batch: Math.max(steps.batch, evaluationBatch), trainingBatch: steps.batch })
  const inputSize = sizeOf(graph.inputShape)
  const check = (examples: Examples, purpose: 'train' | 'evaluate') => {
    if (examples.count < 1) throw learnError('LEARN_EMPTY', { purpose })
    if (sizeOf(examples.shape) !== inputSize)
      throw learnError('LEARN_INPUT', { expected: graph.inputShape, came: examples.shape })
  }
  const exclusively = oneAtATime()
  return {
    layout,
    modelTopology: topology,
    runsOn: `the engine's WebAssembly kernels`,
    remarks: lastActivation ? [lastActivationRemark(loss, lastActivation)] : [],
    initialWeights: async (random) => model.initialWeights(random),
    check(examples, purpose) {
      check(examples, purpose)
      checkLabels(lossOf.check, examples)
    },
    async train(request) {
      check(request.examples, 'train')
      return exclusively(() => trainOnEngine(running, lossOf, steps, request))
    },
    async evaluate(weights, examples) {
      check(examples, 'evaluate')
      return exclusively(async () => evaluateOnEngine(running, lossOf, weights, examples))
    },
  }
}
