import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileErrorCode, fileReason } from '../../runtime/index.ts'
import { weightsError } from '../weights/errors.ts'
import { registryError } from './errors.ts'
import { addressWith, type ModelPlace, modelPlace, type RoundName } from './model-place.ts'
import { mlflowServer, mlflowSettings, s3Place, s3Settings } from './node-remote-registry.ts'
import type { ModelRegistry } from './registry.ts'
import { bestRound } from './retention.ts'
import type { Environment } from './s3/node-aws-credentials.ts'
import { s3Client } from './s3/s3-client.ts'
import { getObject } from './s3/s3-objects.ts'
import { partFolder, roundFolder, s3Registry } from './s3/s3-registry.ts'

/** A folder with the files of a model: on a disk, in a bucket, or among the artifacts of MLflow. */
export interface ModelFolder {
  /** For people. Has no credentials. */
  readonly location: string
  /** Names the same model later, too: has a number in place of `latest`, `best` or an alias. */
  readonly address: string
  /** The one file of the folder that is the model. Absent: the folder is. */
  readonly file?: string
  /** The name of a file for messages. */
  pathOf(name: string): string
  /** The bytes of a file, or undefined if the file doesn't exist. */
  read(name: string): Promise<Uint8Array | undefined>
  /** The bytes of a file that must exist. @throws WEIGHTS_FILE for a file of a disk, REGISTRY_DAMAGED for another. */
  need(name: string): Promise<Uint8Array>
}

/** Endings of files that are a model by themselves. */
const modelFile = /\.(safetensors|npz|json)$/

/**
 * Finds the folder of a model by an address, as `modelPlace` reads it. Credentials come from the environment, as for
 * `remoteRegistry`.
 *
 * @throws REGISTRY_ADDRESS, REGISTRY_NO_MODEL, and the other errors of registries; WEIGHTS_FORMAT.
 */
export async function modelFolder(given: string, environment: Environment): Promise<ModelFolder> {
  const place = modelPlace(given)
  switch (place.sort) {
    case 'files':
      return fileFolder(place.path)
    case 's3':
      return s3Folder(place, environment)
    default:
      return mlflowFolder(place, environment)
  }
}

async function fileFolder(given: string): Promise<ModelFolder> {
  const path = resolve(given)
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (cause: unknown) => {
      throw unreadable(path, cause)
    },
  )
  if (!isFolder && !modelFile.test(path)) throw weightsError('WEIGHTS_FORMAT', { file: path })
  const folder = isFolder ? path : dirname(path)
  return {
    location: path,
    address: `files:${path}`,
    ...(!isFolder && { file: basename(path) }),
    pathOf: (name) => join(folder, name),
    read: (name) =>
      readFile(join(folder, name)).catch((cause: unknown) => {
        if (fileErrorCode(cause) === 'ENOENT') return undefined
        throw unreadable(join(folder, name), cause)
      }),
    need: (name) =>
      readFile(join(folder, name)).catch((cause: unknown) => {
        throw unreadable(join(folder, name), cause)
      }),
  }
}

function unreadable(file: string, cause: unknown): Error {
  const advice =
    fileErrorCode(cause) === 'ERR_FS_FILE_TOO_LARGE'
      ? 'give the model.json of a TensorFlow.js model, whose shards are smaller'
      : 'check the path, and that this user may read the file'
  return weightsError('WEIGHTS_FILE', { file, reason: fileReason(cause), advice }, { cause })
}

async function s3Folder(
  { address: given, round, part }: Extract<ModelPlace, { sort: 's3' }>,
  environment: Environment,
): Promise<ModelFolder> {
  const address = round === undefined ? given : await addressOfRound(given, round, part, environment)
  const place = await s3Place(address, environment)
  const client = s3Client(place, s3Settings(environment))
  const path = place.prefix.replace(/\/$/, '')
  const file = modelFile.test(path) ? basename(path) : undefined
  const folder = file === undefined ? place.prefix : path.slice(0, path.length - file.length)
  const { location } = place
  return {
    ...(file !== undefined && { file }),
    ...remoteFolder(location, address, (name) => getObject(client, folder + name)),
    pathOf: (name) => (name === file ? location : location.replace(/(?= at |$)/, `/${name}`)),
  }
}

function remoteFolder(location: string, address: string, read: ModelFolder['read']): ModelFolder {
  return {
    location,
    address,
    pathOf: (name) => `${location} ${name}`,
    read,
    async need(name) {
      const bytes = await read(name)
      if (bytes) return bytes
      throw registryError('REGISTRY_DAMAGED', { location, found: `${name} is missing` })
    },
  }
}

/** The address of a round's folder, for the address of its job's. @throws REGISTRY_NO_MODEL for a job without rounds. */
async function addressOfRound(
  given: string,
  round: RoundName,
  part: string | undefined,
  environment: Environment,
): Promise<string> {
  const [, path = '', query = ''] = /^([^?]*?)\/*(\?.*)?$/.exec(given) ?? []
  const cut = path.lastIndexOf('/')
  const parent = await s3Place(path.slice(0, cut) + query, environment)
  const job = decodeURIComponent(path.slice(cut + 1))
  const registry = s3Registry(parent, s3Settings(environment))
  const found = await numberOf(round, registry, job, part)
  if (found === undefined)
    throw registryError('REGISTRY_NO_MODEL', { location: parent.location, what: `rounds of ${job}`, known: 'none' })
  const below = `${partFolder(part)}${roundFolder(found)}`.split('/').map(encodeURIComponent).join('/')
  return `${path}/${below}${query}`
}

/** The number of a round. Undefined where the job has no round. */
async function numberOf(round: RoundName, registry: ModelRegistry, job: string, part: string | undefined) {
  if (round === 'best') return bestRound(registry, job, part)
  return round === 'latest' ? (await registry.list(job, part)).at(-1) : round
}

async function mlflowFolder(
  place: Extract<ModelPlace, { sort: 'mlflow-model' | 'mlflow-run' }>,
  environment: Environment,
): Promise<ModelFolder> {
  const { server } = place
  const { mlflowClient } = await import('./mlflow/mlflow-client.ts')
  const { mlflowModel, mlflowRunRound } = await import('./mlflow/mlflow-models.ts')
  const client = mlflowClient(mlflowServer(server, environment), mlflowSettings)
  const folderAt = (source: string, location: string, address: string) =>
    remoteFolder(location, address, (name) => client.get(source, name))
  if (place.sort === 'mlflow-run') {
    const { run, round, part } = place
    const { source, location } = await mlflowRunRound(client, run, round, part)
    return folderAt(source, location, addressWith(server, { run, round, part }))
  }
  const { source, location, version } = await mlflowModel(client, place.model, place.version)
  return folderAt(source, location, addressWith(server, { model: place.model, version }))
}
