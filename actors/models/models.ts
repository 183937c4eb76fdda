import { type Behavior, CodedError, type Store } from '../../runtime/index.ts'
import { encodeModel } from '../../sdk/formats/index.ts'
import { bestRound, type CommittedModel, type ModelRegistry } from '../../sdk/index.ts'
import type { ReadArchive } from '../catalogue/revisions.ts'
import { catalogueError } from '../model/errors.ts'
import { endedNames } from '../model/job-states.ts'
import type { ModelFormat, StoredModel } from '../model/stored-model.ts'
import { collectionsOf } from '../records/collections.ts'
import { findJob, presentJob } from '../records/job-records.ts'
import type { RunOfJob } from '../records/parts.ts'
import { entityTag } from '../requests/conditions.ts'
import { type Asked, answerBy, type Handlers, type Request } from '../requests/requests.ts'

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
}

const pieceBytes = 64 * 1024

/** Gives the models of jobs to their users. */
export function models({ store, registryOf }: ModelsParts): Behavior<ModelsMessage> {
  return (context) => {
    const collections = collectionsOf(store)
    const handlers: Handlers<ModelsRequests> = {
      'list-models': (message) => context.track(list(message)),
      'read-model': (message) => context.track(read(message)),
      'remove-models': (message) => context.track(remove(message)),
    }
    return (message) => void answerBy(handlers, message)

    /** The registry of a job's models, and the run under whose name they are. Undefined before the job's first run. */
    async function placeOf({ user, job }: ModelsOf) {
      const { value } = await findJob(collections, user, job)
      if (value.run === undefined || !registryOf) return undefined
      return { state: value.state, run: value.run, registry: await registryOf({ run: value.run, spec: value.spec }) }
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
      const model = await registry.load(run, round, part).catch(async (cause: unknown) => {
        if (!(cause instanceof CodedError && cause.code === 'REGISTRY_UNKNOWN')) throw cause
        throw unknown(of.job, given, await registry.list(run, part), part)
      })
      const { bytes, extension, type } = encodeModel(model, format)
      const name = [of.job, ...(part === undefined ? [] : [part]), `round-${String(round).padStart(4, '0')}`].join('-')
      return {
        fileName: `${name}.${extension}`,
        sizeBytes: bytes.length,
        type,
        tag: entityTag([run, round, part, model.hash, format]),
        chunks: pieces(bytes),
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
      const { run, registry } = place
      for (const each of part === undefined ? await partsOf(registry, run) : [part]) {
        const rounds = await registry.list(run, each)
        const round = given === undefined ? undefined : await numberOf(place, of.job, given, each)
        if (round !== undefined && !rounds.includes(round)) throw unknown(of.job, given ?? '', rounds, each)
        for (const one of round === undefined ? rounds : [round]) await registry.remove(run, one, each)
      }
      return null
    }
  }
}

/** The job of a run, whose name begins with the job's id. Undefined if the job was removed. */
export async function jobOfRun(store: Store, run: string): Promise<RunOfJob | undefined> {
  const found = await presentJob(collectionsOf(store), run.replace(/~\d+$/, ''))
  return found && { run, spec: found.value.spec }
}

/** Without a name for models of no part, where a job has parts: such a job has no model of the whole. */
async function partsOf(registry: ModelRegistry, run: string): Promise<readonly (string | undefined)[]> {
  const parts = await registry.parts(run)
  return parts.length === 0 ? [undefined] : parts
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

/** In pieces, so that a range is cut from few of them, and a slow reader is waited for. */
async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes)
}
