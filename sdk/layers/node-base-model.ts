import { fileURLToPath } from 'node:url'
import { registryError } from '../registry/errors.ts'
import { committedModel, loadedModel, modelFileNames } from '../registry/model-files.ts'
import { type ModelFolder, modelFolder } from '../registry/node-model-folder.ts'
import type { CommittedModel, Lineage, LoadedModel } from '../registry/registry.ts'
import type { Environment } from '../registry/s3/node-aws-credentials.ts'
import { decodeTfjsGroup } from '../weights/formats/tfjs.ts'
import { joined } from '../weights/joined.ts'
import { type Layout, type NamedTensor, namedTensors, weightsHash, weightsOf } from '../weights/layout.ts'

/** A model that a job may begin with, told apart from every other. */
export interface BaseModel {
  /** Names the same model later, too: has a number in place of `latest`, `best` or an alias. */
  readonly address: string
  /** For people. */
  readonly location: string
  /** SHA-256 of the weights' little-endian bytes, in the order of the file. */
  readonly hash: string
  /** The committed round that the model is. Absent for a model of another origin. */
  readonly of?: Pick<Lineage, 'job' | 'round' | 'part'>
}

const safetensorsFile = 'model.safetensors'

/**
 * Finds a model by its address, as `modelPlace` reads it: a folder with `model.json` and its weights, or with
 * `model.safetensors`, such as a round of a registry; or one file of these formats, or `.npz`. Reads the lineage of a
 * committed round alone, and other models whole.
 *
 * @throws The errors of `modelFolder`; REGISTRY_NO_MODEL for a folder without a model; those of `initialWeightsFrom`.
 */
export async function findBaseModel(address: string, environment: Environment): Promise<BaseModel> {
  const folder = await modelFolder(address, environment)
  const committed = await lineageIn(folder)
  if (!committed) return { ...identity(folder), hash: await hashOf(await tensorsIn(folder)) }
  const { job, round, part, hash } = committed
  return { ...identity(folder), hash, of: { job, round, ...(part !== undefined && { part }) } }
}

/**
 * Reads a model that was found before.
 *
 * @throws REGISTRY_CHANGED where other weights are there now; WEIGHTS_MISMATCH with every tensor that doesn't fit the
 *   layout; and as `findBaseModel` does.
 */
export async function baseModelWeights(
  { address, hash: expected }: Pick<BaseModel, 'address' | 'hash'>,
  layout: Layout,
  environment: Environment,
): Promise<Float32Array> {
  const folder = await modelFolder(address, environment)
  const tensors = await readModel(folder)
  const found = await hashOf(tensors)
  const { location } = folder
  if (found !== expected) throw registryError('REGISTRY_CHANGED', { location, found, expected })
  return weightsOf(tensors, layout, location)
}

/** The weights of a model in a layout. @throws REGISTRY_CHANGED where the hash isn't the expected one; WEIGHTS_MISMATCH */
export function fittingWeights(model: LoadedModel, layout: Layout, expected: string): Float32Array {
  const { location, hash: found } = model
  if (found !== expected) throw registryError('REGISTRY_CHANGED', { location, found, expected })
  return weightsOf(namedTensors(model.layout, model.weights), layout, location)
}

/**
 * Reads a job's initial weights from a model, as `findBaseModel` finds it.
 *
 * @param place A file, a folder, or an address of S3 or MLflow.
 * @param environment Gives the credentials of S3 and MLflow. Default: that of the process.
 * @throws WEIGHTS_MISMATCH with every tensor that doesn't fit the layout; WEIGHTS_FILE, WEIGHTS_FORMAT, REGISTRY_NO_MODEL
 *   and other errors of registries, and those of the format's reader.
 */
export async function initialWeightsFrom(
  place: string | URL,
  layout: Layout,
  environment: Environment = process.env,
): Promise<Float32Array> {
  const folder = await modelFolder(place instanceof URL ? fileURLToPath(place) : place, environment)
  return weightsOf(
    await readModel(folder),
    layout,
    folder.file === undefined ? folder.location : folder.pathOf(folder.file),
  )
}

function identity({ address, location }: ModelFolder): Pick<BaseModel, 'address' | 'location'> {
  return { address, location }
}

/** The tensors of a model. Those of a committed round are checked by the round's hash. */
async function readModel(folder: ModelFolder): Promise<readonly NamedTensor[]> {
  const committed = await lineageIn(folder)
  if (!committed) return tensorsIn(folder)
  const [weights, model] = await Promise.all([folder.read(modelFileNames.weights), folder.read(modelFileNames.model)])
  const { layout, weights: values } = await loadedModel(committed, { weights, model })
  return namedTensors(layout, values)
}

/** The lineage of a folder that is a committed round. */
async function lineageIn({ file, location, read }: ModelFolder): Promise<CommittedModel | undefined> {
  const bytes = file === undefined ? await read(modelFileNames.round) : undefined
  return bytes && committedModel(bytes, location)
}

async function tensorsIn(folder: ModelFolder): Promise<readonly NamedTensor[]> {
  const { file, location } = folder
  if (file !== undefined) return tensorsOf(folder, file, await folder.need(file))
  for (const name of [modelFileNames.model, safetensorsFile]) {
    const bytes = await folder.read(name)
    if (bytes) return tensorsOf(folder, name, bytes)
  }
  const what = `${modelFileNames.model} and no ${safetensorsFile}`
  throw registryError('REGISTRY_NO_MODEL', { location, what, known: 'perhaps a model in a folder below' })
}

/** The tensors of a file, and of the shards beside it. The formats' readers are loaded on demand. */
export async function tensorsOf(folder: ModelFolder, name: string, bytes: Uint8Array): Promise<NamedTensor[]> {
  const path = folder.pathOf(name)
  if (name.endsWith('.safetensors')) {
    const { decodeSafetensors } = await import('../weights/formats/safetensors.ts')
    return decodeSafetensors(bytes, path)
  }
  if (name.endsWith('.npz')) {
    const { decodeNpzWeights } = await import('../formats/npz-weights.ts')
    return decodeNpzWeights(bytes, path)
  }
  const { decodeTfjsManifest } = await import('../weights/formats/tfjs-manifest.ts')
  const tensors: NamedTensor[] = []
  for (const group of decodeTfjsManifest(new TextDecoder().decode(bytes), path)) {
    const shards = await Promise.all(group.paths.map((shard) => folder.need(shard)))
    for (const tensor of decodeTfjsGroup(group, shards, path)) tensors.push(tensor)
  }
  return tensors
}

function hashOf(tensors: readonly NamedTensor[]): Promise<string> {
  const values = tensors.map((tensor) => tensor.values)
  return weightsHash(joined(values, (length) => new Float32Array(length)))
}
