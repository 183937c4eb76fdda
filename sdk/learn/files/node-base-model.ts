import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { weightsError } from '../../weights/errors.ts'
import type { Layout } from '../../weights/layout.ts'
import { type NamedTensor, weightsOf } from '../../weights/named-tensors.ts'
import type { Learner } from '../learner.ts'
import { readTfjsTensors, weightsFile } from './node-tfjs-folder.ts'

/**
 * A job's initial weights from a file: `.safetensors`, `.npz`, or the `model.json` of a TensorFlow.js model with its
 * shards beside it, such as a round in the registry.
 *
 * @throws WEIGHTS_MISMATCH with every tensor that doesn't fit the layout; WEIGHTS_FILE, WEIGHTS_FORMAT, and what the
 *   format's reader throws.
 */
export async function initialWeightsFrom(file: string | URL, layout: Layout): Promise<Float32Array> {
  const path = file instanceof URL ? fileURLToPath(file) : resolve(file)
  return weightsOf(await readTensors(path), layout, path)
}

/**
 * The learner, starting from a base model instead of random weights.
 *
 * @param file As for `initialWeightsFrom`, which says what is thrown when the job begins.
 */
export function withBaseModel(learner: Learner, file: string | URL): Learner {
  return {
    layout: learner.layout,
    modelTopology: learner.modelTopology,
    ...(learner.runsOn !== undefined && { runsOn: learner.runsOn }),
    ...(learner.remarks && { remarks: learner.remarks }),
    check: (examples, purpose) => learner.check?.(examples, purpose),
    initialWeights: () => initialWeightsFrom(file, learner.layout),
    train: (request) => learner.train(request),
    evaluate: (weights, examples) => learner.evaluate(weights, examples),
    dispose: () => learner.dispose?.(),
  }
}

/** The formats are loaded when they are needed: most jobs begin without a file. */
async function readTensors(path: string): Promise<NamedTensor[]> {
  if (path.endsWith('.safetensors')) {
    const { decodeSafetensors } = await import('../../weights/formats/safetensors.ts')
    return decodeSafetensors(await weightsFile(path), path)
  }
  if (path.endsWith('.npz')) {
    const { decodeNpzWeights } = await import('../../formats/npz-weights.ts')
    return decodeNpzWeights(await weightsFile(path), path)
  }
  if (basename(path).endsWith('.json')) return readTfjsTensors(path)
  throw weightsError('WEIGHTS_FORMAT', { file: path })
}
