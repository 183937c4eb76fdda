import { fileURLToPath } from 'node:url'
import type { Learner } from '../learn/learner.ts'
import { modelFolder } from '../registry/node-model-folder.ts'
import type { Environment } from '../registry/s3/node-aws-credentials.ts'
import { weightsError } from '../weights/errors.ts'
import { initialWeightsFrom, tensorsOf } from './node-base-model.ts'
import { loadSavedModel, type SavedModel } from './saved-model.ts'
import { type LayersModel, loadTensorFlow, type TensorFlow } from './tensorflow.ts'

/**
 * Reads a folder with a `model.json` and its weights, such as a round in the registry, for `layersLearner` to train the
 * model further. Doesn't need TensorFlow.js.
 *
 * @param place The folder, or its `model.json`; or an address of S3 or MLflow.
 * @throws WEIGHTS_FILE, WEIGHTS_MANIFEST, WEIGHTS_ARCHITECTURE where the folder holds only weights, other codes of damaged
 *   weights, and the errors of registries.
 */
export async function savedModel(place: string | URL): Promise<SavedModel> {
  const folder = await modelFolder(place instanceof URL ? fileURLToPath(place) : place, process.env)
  const { file: name = 'model.json' } = folder
  const bytes = await folder.need(name)
  const tensors = await tensorsOf(folder, name, bytes)
  const file = folder.pathOf(name)
  if (!name.endsWith('.json')) throw weightsError('WEIGHTS_ARCHITECTURE', { file })
  const { modelTopology }: { readonly modelTopology?: unknown } = JSON.parse(new TextDecoder().decode(bytes))
  if (typeof modelTopology !== 'object' || modelTopology === null) throw weightsError('WEIGHTS_ARCHITECTURE', { file })
  return { topology: modelTopology, tensors, file }
}

/**
 * Loads the layers model of a folder with a `model.json` and its weights, to predict with. TensorFlow.js itself loads
 * models only over HTTP, except its native build.
 *
 * @param place As for `savedModel`, with its errors.
 * @param tensorFlow The TensorFlow.js that the model is for; default: the one that learners use. Register a class of
 *   your own among the layers with it before.
 * @throws LEARN_TENSORFLOW where TensorFlow.js isn't installed.
 */
export async function loadLayersModel(place: string | URL, tensorFlow?: TensorFlow): Promise<LayersModel> {
  const saved = await savedModel(place)
  return loadSavedModel(tensorFlow ?? (await loadTensorFlow('loadLayersModel gives a model of it')), saved)
}

/**
 * The learner, but with initial weights from a base model instead of random ones.
 *
 * @param place As for `initialWeightsFrom`, whose errors appear when the job begins.
 * @param environment As for `initialWeightsFrom`.
 */
export function withBaseModel(learner: Learner, place: string | URL, environment?: Environment): Learner {
  return {
    layout: learner.layout,
    modelTopology: learner.modelTopology,
    adapters: learner.adapters,
    ...(learner.runsOn !== undefined && { runsOn: learner.runsOn }),
    ownSteps: learner.ownSteps,
    ...(learner.abilities && { abilities: learner.abilities }),
    ...(learner.parts && { parts: learner.parts }),
    ...(learner.modelLayers && { modelLayers: learner.modelLayers }),
    ...(learner.remarks && { remarks: learner.remarks }),
    check: (examples, purpose) => learner.check?.(examples, purpose),
    initialWeights: () => initialWeightsFrom(place, learner.layout, environment),
    train: (request) => learner.train(request),
    evaluate: (...evaluation) => learner.evaluate(...evaluation),
    ...(learner.predict && { predict: learner.predict.bind(learner) }),
    dispose: () => learner.dispose?.(),
  }
}
