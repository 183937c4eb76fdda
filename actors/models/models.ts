import { createHash } from 'node:crypto'
import { type Behavior, CodedError, type Store } from '../../runtime/index.ts'
import { encodeModel } from '../../sdk/formats/index.ts'
import {
  bestRound,
  type CommittedModel,
  damagedWeights,
  type ModelRegistry,
  type OpenedModel,
} from '../../sdk/index.ts'
import type { ReadArchive } from '../catalogue/revisions.ts'
import { catalogueError } from '../model/errors.ts'
import { endedNames, type JobStateName } from '../model/job-states.ts'
import type { ModelFormat, StoredModel } from '../model/stored-model.ts'
import { collectionsOf } from '../records/collections.ts'
import type { Holdings } from '../records/holdings.ts'
import { presentJob } from '../records/job-records.ts'
import type { RunOfJob } from '../records/parts.ts'
import type { KeptModelsRecord } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'
import { entityTag } from '../requests/conditions.ts'
import { type Asked, answerBy, type Handlers, type Request } from '../requests/requests.ts'
import {
  jobIdOf,
  keptModelsOf,
  type ModelBytes,
  modelsOfRun,
  partsOf,
  type RunModel,
  removeModels,
  runName,
  runNames,
} from './run-models.ts'

export interface ModelsRequests {
  /** The models of a job's present run, by round. JOB_NOT_FOUND. */
  'list-models': Request<ModelsOf, readonly StoredModel[]>
  /** A model as one file. JOB_NOT_FOUND, ROUND_UNKNOWN. */
  'read-model': Request<
    ModelsOf & { readonly round: string; readonly part?: string | undefined; readonly format: ModelFormat },
    ReadArchive
  >
  /** Removes one round of a job, or all, of one part, or of all. JOB_NOT_FOUND, JOB_STATE, ROUND_UNKNOWN. */
  'remove-models': Request<ModelsOf & { readonly round?: string | undefined; readonly part?: string | undefined }, null>
}
export type ModelsMessage = Asked<ModelsRequests>

interface ModelsOf {
  readonly user: string
  readonly job: string
}

export interface ModelsParts {
  readonly store: Store
  /** The registry with the models of a job. Absent: this server keeps no models. */
  readonly registryOf?: (job: RunOfJob) => Promise<ModelRegistry>
  /** As in `EventsParts`. */
  readonly modelBytes?: ModelBytes
  /** Counts the bytes of each job's models for the job's user. */
  readonly held?: Pick<Holdings, 'jobGrew'>
}

/** The place of the models of a job, or of a removed job. */
interface ModelsPlace {
  readonly state: JobStateName
  /** The run whose models are shown. */
  readonly run: string
  readonly registry: ModelRegistry
  /** Of a removed job: the record of the models that the job has left. */
  readonly kept?: Stored<KeptModelsRecord>
}

/** Part of each tag. An earlier version sent other bytes for the same model, and a download must not mix both. */
const encoding = 2

/** Gives the models of jobs to their users. */
export function models({ store, registryOf, modelBytes, held }: ModelsParts): Behavior<ModelsMessage> {
  return (context) => {
    const collections = collectionsOf(store)
    const handlers: Handlers<ModelsRequests> = {
      'list-models': (message) => context.track(list(message)),
      'read-model': (message) => context.track(read(message)),
      'remove-models': (message) => context.track(remove(message)),
    }
    return (message) => void answerBy(handlers, message)

    /** The place of the models of a job, or of those that a removed job has left. Undefined before the first run. */
    async function placeOf({ user, job }: ModelsOf): Promise<ModelsPlace | undefined> {
      const present = await presentJob(collections, job)
      const [kept] = present?.value.userId === user ? [] : await keptModelsOf(collections, user, job)
      if (kept && registryOf) {
        const { lastRun, registry } = kept.value
        const run = runName(job, lastRun)
        return {
          state: 'completed',
          run,
          kept,
          registry: await registryOf({ run, spec: registry ? { registry } : {} }),
        }
      }
      if (present?.value.userId !== user) throw catalogueError('JOB_NOT_FOUND', { id: job })
      const { state, run, spec } = present.value
      if (run === undefined || !registryOf) return undefined
      return { state, run, registry: await registryOf({ run, spec }) }
    }

    async function list(of: ModelsOf): Promise<readonly StoredModel[]> {
      const place = await placeOf(of)
      if (!place) return []
      const { run, registry } = place
      const found: StoredModel[] = []
      for (const part of await partsOf(registry, run)) {
        const rounds = await registry.list(run, part)
        const best = await bestRound(registry, run, part)
        const described = await Promise.all(rounds.map((round) => registry.describe(run, round, part)))
        for (const model of described) found.push(shown(model, { best, latest: rounds.at(-1) }))
      }
      return found.toSorted((a, b) => a.round - b.round || ((a.part ?? '') < (b.part ?? '') ? -1 : 1))
    }

    async function read({ round: given, part: asked, format, ...of }: Asked<ModelsRequests, 'read-model'>) {
      const place = await placeOf(of)
      if (!place) throw unknown(of.job, given, [])
      const { run, registry } = place
      const part = asked ?? (await onlyPart(registry, run))
      const round = await numberOf(place, of.job, given, part)
      const model = await registry.open(run, round, part).catch(async (cause: unknown) => {
        if (!(cause instanceof CodedError && cause.code === 'REGISTRY_UNKNOWN')) throw cause
        throw unknown(of.job, given, await registry.list(run, part), part)
      })
      const checked = { ...model, weightsBytes: () => checkedBytes(model) }
      const { sizeBytes, extension, type, pieces } = encodeModel(checked, format)
      const name = [of.job, ...(part === undefined ? [] : [part]), `round-${String(round).padStart(4, '0')}`].join('-')
      return {
        fileName: `${name}.${extension}`,
        sizeBytes,
        type,
        tag: entityTag([run, round, part, model.hash, format, encoding]),
        chunks: pieces(),
      }
    }

    async function remove({ round: given, part, ...of }: Asked<ModelsRequests, 'remove-models'>): Promise<null> {
      const place = await placeOf(of)
      if (place && place.state !== 'ready' && !endedNames.includes(place.state))
        throw catalogueError('JOB_STATE', {
          id: of.job,
          state: place.state,
          what: 'a removal of models',
          needed: 'ready or ended',
        })
      if (!place && given !== undefined) throw unknown(of.job, given, [])
      if (!place) return null
      const bytes = await removeModels(
        collections,
        place.registry,
        await chosen(place, of.job, given, part),
        modelBytes,
      )
      if (place.kept) await noteKept(place.kept, bytes, given === undefined && part === undefined)
      else if (bytes > 0) await held?.jobGrew(of.job, of.user, -bytes)
      return null
    }

    /** The models that a removal means: one round, or all; of a removed job those of all its runs. */
    async function chosen(
      { run, registry, kept }: ModelsPlace,
      job: string,
      given: string | undefined,
      part: string | undefined,
    ): Promise<RunModel[]> {
      if (given === undefined) {
        const runs = kept ? runNames(job, kept.value.firstRun, kept.value.lastRun) : [run]
        return (await Promise.all(runs.map((each) => modelsOfRun(registry, each, part)))).flat()
      }
      const found: RunModel[] = []
      for (const each of part === undefined ? await partsOf(registry, run) : [part]) {
        const rounds = await registry.list(run, each)
        const round = await numberOf({ run, registry }, job, given, each)
        if (!rounds.includes(round)) throw unknown(job, given, rounds, each)
        found.push({ run, round, part: each })
      }
      return found
    }

    /** Notes that models of a removed job are gone. */
    async function noteKept(kept: Stored<KeptModelsRecord>, bytes: number, areAll: boolean): Promise<void> {
      const { value } = kept
      if (areAll) await collections.keptModels.remove(kept.id)
      else await collections.keptModels.replace(kept, { ...value, bytes: Math.max(0, value.bytes - bytes) })
    }
  }
}

/** The job of a run. Undefined if the job was removed. */
export async function jobOfRun(store: Store, run: string): Promise<RunOfJob | undefined> {
  const found = await presentJob(collectionsOf(store), jobIdOf(run))
  return found && { run, spec: found.value.spec }
}

/** The run of a job: the registry has the job's models under its name. Undefined before the job's first start. */
export async function runOfJob(store: Store, job: string): Promise<string | undefined> {
  return (await presentJob(collectionsOf(store), job))?.value.run
}

/** The part of a job with one. Undefined for a job without parts, and for one with several, whose reader names one. */
async function onlyPart(registry: ModelRegistry, run: string): Promise<string | undefined> {
  const parts = await registry.parts(run)
  return parts.length === 1 ? parts[0] : undefined
}

/** The number of a round that is given as such, or as `latest` or `best`. */
async function numberOf(
  { run, registry }: { readonly run: string; readonly registry: ModelRegistry },
  job: string,
  given: string,
  part: string | undefined,
): Promise<number> {
  const number = Number(given)
  if (/^\d{1,15}$/.test(given)) return number
  const found =
    given === 'latest'
      ? (await registry.list(run, part)).at(-1)
      : given === 'best'
        ? await bestRound(registry, run, part)
        : undefined
  if (found === undefined) throw unknown(job, given, await registry.list(run, part), part)
  return found
}

function unknown(job: string, round: string, rounds: readonly number[], part?: string) {
  const known = rounds.length === 0 ? 'none' : `latest, best, ${rounds.slice(-10).join(', ')}`
  return catalogueError('ROUND_UNKNOWN', { job, part: part === undefined ? '' : ` of part ${part}`, round, known })
}

function shown(
  { round, part, metrics, hash, members }: CommittedModel,
  { best, latest }: { readonly best: number | undefined; readonly latest: number | undefined },
): StoredModel {
  return {
    round,
    ...(part !== undefined && { part }),
    metrics: Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value))),
    hash,
    members,
    aliases: [...(round === latest ? (['latest'] as const) : []), ...(round === best ? (['best'] as const) : [])],
  }
}

/** The bytes of a model's weights. The last piece comes only if the hash of all is right. @throws REGISTRY_DAMAGED */
async function* checkedBytes(model: OpenedModel): AsyncGenerator<Uint8Array> {
  const sum = createHash('sha256')
  let last: Uint8Array | undefined
  for await (const piece of model.weightsBytes()) {
    if (last) yield last
    sum.update(piece)
    last = piece
  }
  const found = sum.digest('hex')
  if (found !== model.hash) throw damagedWeights(model, found)
  if (last) yield last
}
