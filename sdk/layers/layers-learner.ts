import { CodedError } from '../../runtime/index.ts'
import { adapterLearner, engineLearner, engineModel, type Recording, recordModel } from '../engine/index.ts'
import type { LowRank } from '../learn/adapters.ts'
import { learnError } from '../learn/errors.ts'
import { checkTargets, fittedLoss } from '../learn/fitted-loss.ts'
import type { Learner } from '../learn/learner.ts'
import { type Loss, type LossChoice, lastActivationRemark, lossApplies, lossOf } from '../learn/loss.ts'
import { checkMetrics, type Metric } from '../learn/metrics.ts'
import { modelError } from '../learn/model-errors.ts'
import { predictionsOf } from '../learn/predictions.ts'
import { checkSteps, type Steps } from '../learn/steps.ts'
import { randomStream } from '../random/random-stream.ts'
import { weightsOf } from '../weights/layout.ts'
import { type Backend, backendFor, probe } from './backend.ts'
import { tensorLoss } from './layers-loss.ts'
import { describeModel, type ModelDescription } from './layers-model.ts'
import type { Subject } from './layers-steps.ts'
import { checkExamples, evaluateModel, outputsOf, trainModel } from './layers-training.ts'
import { buildModel } from './model-building.ts'
import { loadSavedModel, type SavedModel, startingFrom, tensorsOf } from './saved-model.ts'
import { type LayersModel, loadTensorFlow, type TensorFlow } from './tensorflow.ts'

/** Makes a layers model with the given TensorFlow.js, or with a stand-in that records the model for the engine. */
export type ModelFunction = (tf: TensorFlow) => LayersModel

export interface LayersLearnerSettings extends Steps {
  /**
   * Makes the model; or a model from `savedModel` of flame-fl/sdk/node, with whose weights the job begins. If the model
   * ends with a softmax before softmaxCrossEntropy, or with a sigmoid before sigmoidCrossEntropy, the loss applies this
   * activation: the model trains without it, but is published with it.
   */
  readonly model: ModelFunction | SavedModel
  /**
   * A name, or its alias in Keras: `mse`, `binaryCrossentropy`, `categoricalCrossentropy`, …; an object of the name and its
   * settings, such as `{ name: 'huber', delta: 2 }`; or a loss of your own, composed of operations.
   */
  readonly loss: LossChoice
  /** Metrics of evaluations beside the loss and, for a loss with classes, the accuracy. */
  readonly metrics?: readonly Metric[]
  /**
   * Only low-rank adapters of dense and attention layers train and travel (LoRA, Hu et al., ICLR 2022); published models
   * have them merged. The other weights stay those of the saved model; of a model function they are drawn from a stream
   * that is the same for all jobs. For the engine alone.
   */
  readonly lora?: LowRank
  /** `auto`: the engine if it knows every layer of the model, else TensorFlow.js. Default `auto`. */
  readonly engine?: 'auto' | 'engine' | 'tensorflow'
  /**
   * Returns the TensorFlow.js to use in place of the engine, such as `nativeTensorFlow` of flame-fl/sdk/node, which is
   * fast on large models, but gives other bits on other processors. Absent, or without a result: the WebAssembly
   * backend, or plain JavaScript for a model that the WebAssembly backend can't train.
   */
  readonly tensorFlow?: () => Promise<TensorFlow | undefined>
}

/**
 * Makes a learner that trains a TensorFlow.js layers model. The same weights, examples and stream give the same bits in
 * any thread. Each layer's initializer draws the initial weights from the stream.
 *
 * @throws LEARN_SETTING, LEARN_MODEL, LEARN_LAST_ACTIVATION, LEARN_RANDOM_LAYER; LEARN_ENGINE_MODEL with `engine:
 *   'engine'` if the engine can't run the model; LEARN_INITIALIZER when initial weights are drawn. Training throws
 *   LEARN_DIVERGED and LEARN_OVERFLOW, and for examples that don't fit the model LEARN_EMPTY, LEARN_INPUT and
 *   LEARN_LABEL.
 */
export async function layersLearner(settings: LayersLearnerSettings): Promise<Learner> {
  checkSteps(settings)
  const { engine = 'auto', model: given, loss: lossChoice, metrics = [], tensorFlow, lora, ...steps } = settings
  const loss = lossOf(lossChoice)
  const recording: Recording =
    engine === 'tensorflow' ? { cause: new Error("engine: 'tensorflow' asks for it") } : recordingOf(given)
  if (lora) {
    if ('cause' in recording) throw modelError('LEARN_ENGINE_MODEL', { reason: recording.cause.message })
    return adapterLearner(recording.topology, {
      ...{ loss, steps, metrics, lowRank: lora },
      frozen: (model) =>
        typeof given === 'function'
          ? model.initialWeights(randomStream(0, 'frozen'))
          : weightsOf(given.tensors, model.layout, given.file),
    })
  }
  const unloaded = 'topology' in recording ? onEngine(recording.topology, loss, steps, metrics) : undefined
  if (unloaded && 'learner' in unloaded) return startingFrom(given, unloaded.learner)

  if (unloaded && engine === 'engine') throw unloaded.refusal

  const reason = unloaded?.refusal.values.reason ?? ('cause' in recording ? recording.cause.message : '')
  const tf = (await tensorFlow?.()) ?? (await loadTensorFlow(String(reason)))
  const model = typeof given === 'function' ? built(tf, given, unloaded?.refusal) : await loadSavedModel(tf, given)
  const description = describeModel(tf, model)
  const start = typeof given === 'function' ? given : { ...given, tensors: tensorsOf(model, description.layout) }
  const fallback = async (why: string) =>
    startingFrom(start, await onTensorFlow(tf, model, description, loss, { steps, metrics, why }))
  if (engine === 'tensorflow') return fallback('as asked')
  const loaded = unloaded ?? onEngine(description.topology, loss, steps, metrics)
  if ('learner' in loaded) {
    model.dispose()
    return startingFrom(start, loaded.learner)
  }
  if (engine === 'engine') throw loaded.refusal
  return fallback(loaded.refusal.message)
}

/** Builds the model with TensorFlow.js. A layer that only the engine has leaves the engine's refusal as the reason. */
function built(tf: TensorFlow, model: ModelFunction, refusal: CodedError | undefined): LayersModel {
  try {
    return buildModel(tf, model)
  } catch (error) {
    throw error instanceof CodedError && error.code === 'LEARN_ENGINE_LAYER' ? (refusal ?? error) : error
  }
}

function recordingOf(model: ModelFunction | SavedModel): Recording {
  return typeof model === 'function' ? recordModel(model) : { topology: model.topology }
}

function onEngine(
  topology: unknown,
  loss: Loss,
  steps: Steps,
  metrics: readonly Metric[],
): { readonly learner: Learner } | { readonly refusal: CodedError } {
  try {
    return { learner: engineLearner(engineModel(topology, loss), loss, steps, metrics) }
  } catch (error) {
    if (error instanceof CodedError && error.code === 'LEARN_ENGINE_MODEL') return { refusal: error }
    throw error
  }
}

async function onTensorFlow(
  tf: TensorFlow,
  model: LayersModel,
  description: ModelDescription,
  given: Loss,
  { steps, metrics, why }: { readonly steps: Steps; readonly metrics: readonly Metric[]; readonly why: string },
): Promise<Learner> {
  const fitted = fittedLoss(given, description.outputShape)
  checkMetrics(metrics, fitted)
  if (given.own?.representation !== undefined) {
    const expected = `absent, or a model of layers that the engine knows, since TensorFlow.js gives no representations: ${why}`
    throw learnError('LEARN_SETTING', { name: 'loss.representation', expected, value: given.own.representation })
  }
  const loss = tensorLoss(tf, fitted)
  const last = description.lastActivation
  const isApplied = last !== undefined && lossApplies(given, last, description.outputShape.at(-1) ?? 1)
  const forLoss: Subject['forLoss'] = isApplied ? last.without : (work) => work()
  const subject = { tf, model, description, fitted, loss, forLoss }
  const backend = await backendFor(tf, () => probe(subject, steps)).catch((error: unknown) => {
    model.dispose()
    throw error
  })
  const { classes } = fitted
  return {
    layout: description.layout,
    modelTopology: description.topology,
    ownSteps: steps,
    runsOn: `TensorFlow.js (${backend.name}): ${why}${slowness(backend)}`,
    remarks: isApplied ? [lastActivationRemark(given, last)] : [],
    abilities: [
      ...(['work', 'start', 'trainable', 'losses', 'contrastive', 'groups'] as const),
      ...(classes === undefined ? [] : (['classes'] as const)),
    ],
    classes,
    initialWeights: async (random) => description.initialWeights(random),
    check(examples, purpose) {
      checkExamples(subject, examples, purpose)
      checkTargets(fitted, examples)
    },
    train: (request) => backend.run(() => trainModel(subject, steps, request)),
    evaluate: (weights, examples, options) =>
      backend.run(() => evaluateModel(subject, { metrics, batch: steps.batch }, weights, examples, options)),
    async predict(weights, examples) {
      const values = await backend.run(async () => outputsOf(subject, model, weights, examples))
      return predictionsOf(values, description.outputShape, isApplied ? last : undefined, given)
    },
    dispose: () => void model.dispose(),
  }
}

/** Advice about a slow backend. Empty for the usual backend. */
function slowness({ name, instead }: Backend): string {
  if (!instead) return ''
  return `; the ${instead.of} backend cannot train the model (${instead.reason}), so the slow ${name} backend does: leave out the named operation, or give layersLearner a native TensorFlow, tensorFlow: () => nativeTensorFlow() of flame-fl/sdk/node, which needs an installed @tensorflow/tfjs-node (or, in a clone of flame-fl, npm run native)`
}
