import { CodedError } from '../../../runtime/index.ts'
import { encodeSafetensors } from '../../weights/formats/safetensors.ts'
import { namedTensors } from '../../weights/layout.ts'
import { jobOrPart, listedRounds, registryError } from '../errors.ts'
import {
  committedModel,
  loadedModel,
  type ModelFile,
  modelFileNames,
  modelFiles,
  openedModel,
  settledModel,
} from '../model-files.ts'
import type { CommittedModel, ModelRegistry, ModelToCommit, OpenedModel } from '../registry.ts'
import { turns } from '../turns.ts'
import type { MlflowAddress } from './mlflow-address.ts'
import { type MlflowClientSettings, mlflowClient } from './mlflow-client.ts'
import { roundPath } from './mlflow-models.ts'
import { type MlflowRun, mlflowRun } from './mlflow-run.ts'
import { type MlflowVersion, type MlflowVersions, mlflowParts, mlflowVersions } from './mlflow-versions.ts'

const safetensorsFile = 'model.safetensors'

/**
 * A registry in MLflow: an experiment for each design, a run for each job, with the rounds' metrics and files, and a
 * registered model for each job (`<job>`, and `<job>+<part>` for a part) with a version for each round. A round is there
 * when its version is. The alias `best` names the best round; MLflow itself takes `latest` for the last version.
 */
export function mlflowRegistry(address: MlflowAddress, settings: MlflowClientSettings = {}): ModelRegistry {
  const { now = Date.now } = settings
  const client = mlflowClient(address, settings)
  const inTurn = turns()
  const runs = new Map<string, Promise<MlflowRun>>()
  const models = new Map<string, MlflowVersions>()
  /** By job: the place of its rounds, as the last version that was found has it. */
  const places = new Map<string, string>()

  function runOf(model: ModelToCommit): Promise<MlflowRun> {
    const known = runs.get(model.job) ?? mlflowRun(client, model, now)
    runs.set(model.job, known)
    known.catch(() => runs.delete(model.job))
    return known
  }

  function versionsOf(job: string, part?: string): MlflowVersions {
    const name = JSON.stringify([job, part])
    const known = models.get(name) ?? mlflowVersions(client, job, part)
    models.set(name, known)
    return known
  }

  const locationOf = (job: string, part: string | undefined, version: string) =>
    `${address.location} model ${versionsOf(job, part).name} version ${version}`

  async function found(job: string, round: number, part?: string): Promise<MlflowVersion> {
    const versions = versionsOf(job, part)
    const version = (await versions.find(round)).at(-1)
    if (version) return version
    const known = listedRounds((await versions.list()).map((one) => one.round))
    throw registryError('REGISTRY_UNKNOWN', {
      ...{ job, round, of: jobOrPart(job, part), known },
      location: `${address.location} model ${versions.name}`,
    })
  }

  async function lineageIn(
    bytes: Uint8Array | undefined,
    version: MlflowVersion,
    job: string,
    part?: string,
  ): Promise<CommittedModel> {
    const location = locationOf(job, part, version.version)
    if (!bytes) throw registryError('REGISTRY_DAMAGED', { location, found: `${modelFileNames.round} is missing` })
    return committedModel(bytes, location)
  }

  async function lineage(version: MlflowVersion, job: string, part?: string): Promise<CommittedModel> {
    return lineageIn(await client.get(version.source, modelFileNames.round), version, job, part)
  }

  async function filesAt(source: string) {
    const [round, weights, model] = await Promise.all([
      client.get(source, modelFileNames.round),
      client.getHashed(source, modelFileNames.weights),
      client.get(source, modelFileNames.model),
    ])
    return { round, read: { weights: weights?.bytes, sha256: weights?.sha256, model } }
  }

  /** Begins to read where the round should be, while MLflow is asked where it is. */
  async function load(job: string, round: number, part?: string) {
    const path = `/${roundPath(round, part)}`
    const place = places.get(job)
    const early = place === undefined ? undefined : filesAt(place + path)
    early?.catch(() => {})
    const version = await found(job, round, part)
    const { source } = version
    if (source.endsWith(path)) places.set(job, source.slice(0, -path.length))
    const files = early && place !== undefined && source === place + path ? await early : await filesAt(source)
    return { committed: await lineageIn(files.round, version, job, part), files: files.read }
  }

  async function describe(job: string, round: number, part?: string): Promise<CommittedModel> {
    return lineage(await found(job, round, part), job, part)
  }

  async function isSound(version: MlflowVersion, job: string, part?: string): Promise<boolean> {
    try {
      const files = await filesAt(version.source)
      await loadedModel(await lineageIn(files.round, version, job, part), files.read)
      return true
    } catch (error) {
      if (error instanceof CodedError && error.code === 'REGISTRY_DAMAGED') return false
      throw error
    }
  }

  async function open(job: string, round: number, part?: string): Promise<OpenedModel> {
    const version = await found(job, round, part)
    const [committed, model] = await Promise.all([
      lineage(version, job, part),
      client.get(version.source, modelFileNames.model),
    ])
    return openedModel(committed, model, () => client.stream(version.source, modelFileNames.weights))
  }

  async function commit(model: ModelToCommit): Promise<void> {
    const { job, round, part, hash } = model
    const versions = versionsOf(job, part)
    for (const present of await versions.find(round)) {
      if (present.hash === hash && (await isSound(present, job, part))) return
      await versions.remove(present)
    }
    const run = await runOf(model)
    const source = `${run.artifacts}/${roundPath(round, part)}`
    const ended = await Promise.allSettled([
      ...filesOf(model).map(({ name, bytes }) => client.put(source, name, bytes)),
      inTurn(`run of ${job}`, () => run.log(model)),
    ])
    for (const end of ended) if (end.status === 'rejected') throw end.reason
    await versions.create(run, source, model)
    places.set(job, run.artifacts)
  }

  async function remove(job: string, round: number, part?: string): Promise<void> {
    const versions = versionsOf(job, part)
    for (const version of await versions.find(round)) {
      await versions.remove(version)
      await client.remove(version.source)
    }
    await versions.markBest()
  }

  const modelTurn = (job: string, part?: string) => `model ${JSON.stringify([job, part])}`
  return {
    commit: (model) => inTurn(modelTurn(model.job, model.part), () => commit(model)),
    async latest(job, part) {
      const last = (await versionsOf(job, part).list()).at(-1)
      return last && lineage(last, job, part)
    },
    list: async (job, part) => [...new Set((await versionsOf(job, part).list()).map(({ round }) => round))],
    parts: (job) => mlflowParts(client, job),
    load: (job, round, part) =>
      settledModel(
        () => load(job, round, part),
        () => describe(job, round, part),
      ),
    open,
    describe,
    remove: (job, round, part) => inTurn(modelTurn(job, part), () => remove(job, round, part)),
  }
}

/** The files of a round, and its weights for Python. */
function filesOf(model: ModelToCommit): readonly ModelFile[] {
  const tensors = namedTensors(model.layout, model.weights)
  return [...modelFiles(model), { name: safetensorsFile, bytes: encodeSafetensors(tensors) }]
}
