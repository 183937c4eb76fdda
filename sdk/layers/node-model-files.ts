import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileErrorCode, fileReason } from '../../runtime/index.ts'
import type { Learner } from '../learn/learner.ts'
import { weightsError } from '../weights/errors.ts'
import { type Layout, type NamedTensor, weightsOf } from '../weights/layout.ts'
import { loadSavedModel, type SavedModel } from './saved-model.ts'
import { type LayersModel, loadTensorFlow, type TensorFlow } from './tensorflow.ts'

/**
 * Reads a folder with a `model.json` and its weights, such as a round in the registry, for `layersLearner` to train the
 * model further. Doesn't need TensorFlow.js.
 *
 * @param place The folder, or its `model.json`.
 * @throws WEIGHTS_FILE, WEIGHTS_MANIFEST, WEIGHTS_ARCHITECTURE where the folder holds only weights, and other codes of
 *   damaged weights.
 */
export async function savedModel(place: string | URL): Promise<SavedModel> {
  const given = place instanceof URL ? fileURLToPath(place) : resolve(place)
  const isFolder = await stat(given).then(
    (found) => found.isDirectory(),
    () => false,
  )
  const file = isFolder ? join(given, 'model.json') : given
  const tensors = await readTfjsTensors(file)
  const { modelTopology }: { readonly modelTopology?: unknown } = JSON.parse(await textOf(file))
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
 * The tensors of a model.json, from the shards beside it. The format's reader is loaded on demand: most jobs begin
 * without a file.
 */
async function readTfjsTensors(file: string): Promise<NamedTensor[]> {
  const { decodeTfjsGroup, decodeTfjsManifest } = await import('../weights/formats/tfjs.ts')
  const tensors: NamedTensor[] = []
  for (const group of decodeTfjsManifest(await textOf(file), file)) {
    const shards = await Promise.all(group.paths.map((shard) => weightsFile(join(dirname(file), shard))))
    for (const tensor of decodeTfjsGroup(group, shards, file)) tensors.push(tensor)
  }
  return tensors
}

async function textOf(file: string): Promise<string> {
  return new TextDecoder().decode(await weightsFile(file))
}

/** @throws WEIGHTS_FILE where the file can't be read. */
async function weightsFile(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: unknown) => {
    const advice =
      fileErrorCode(cause) === 'ERR_FS_FILE_TOO_LARGE'
        ? 'give the model.json of a TensorFlow.js model, whose shards are smaller'
        : 'check the path, and that this user may read the file'
    throw weightsError('WEIGHTS_FILE', { file, reason: fileReason(cause), advice }, { cause })
  })
}

/**
 * Reads a job's initial weights from a file: `.safetensors`, `.npz`, or the `model.json` of a TensorFlow.js model with
 * its shards beside it, such as a round in the registry.
 *
 * @throws WEIGHTS_MISMATCH with every tensor that doesn't fit the layout; WEIGHTS_FILE, WEIGHTS_FORMAT, and the errors
 *   of the format's reader.
 */
export async function initialWeightsFrom(file: string | URL, layout: Layout): Promise<Float32Array> {
  const path = file instanceof URL ? fileURLToPath(file) : resolve(file)
  return weightsOf(await readTensors(path), layout, path)
}

/**
 * The learner, but with initial weights from a base model instead of random ones.
 *
 * @param file As for `initialWeightsFrom`, whose errors appear when the job begins.
 */
export function withBaseModel(learner: Learner, file: string | URL): Learner {
  return {
    layout: learner.layout,
    modelTopology: learner.modelTopology,
    ...(learner.runsOn !== undefined && { runsOn: learner.runsOn }),
    ownSteps: learner.ownSteps,
    ...(learner.abilities && { abilities: learner.abilities }),
    ...(learner.parts && { parts: learner.parts }),
    ...(learner.modelLayers && { modelLayers: learner.modelLayers }),
    ...(learner.remarks && { remarks: learner.remarks }),
    check: (examples, purpose) => learner.check?.(examples, purpose),
    initialWeights: () => initialWeightsFrom(file, learner.layout),
    train: (request) => learner.train(request),
    evaluate: (...evaluation) => learner.evaluate(...evaluation),
    dispose: () => learner.dispose?.(),
  }
}

/** The formats' readers are loaded on demand: most jobs begin without a file. */
async function readTensors(path: string): Promise<NamedTensor[]> {
  if (path.endsWith('.safetensors')) {
    const { decodeSafetensors } = await import('../weights/formats/safetensors.ts')
    return decodeSafetensors(await weightsFile(path), path)
  }
  if (path.endsWith('.npz')) {
    const { decodeNpzWeights } = await import('../formats/npz-weights.ts')
    return decodeNpzWeights(await weightsFile(path), path)
  }
  if (basename(path).endsWith('.json')) return readTfjsTensors(path)
  throw weightsError('WEIGHTS_FORMAT', { file: path })
}
