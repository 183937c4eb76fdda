import type { ModelRegistry } from '../../sdk/index.ts'
import { catalogueError } from '../model/errors.ts'
import { endedNames } from '../model/job-states.ts'
import type { Collections } from '../records/collections.ts'
import type { KeptModelsRecord } from '../records/record-models.ts'
import type { Stored } from '../records/records.ts'

/** Bytes of a model among the files of this machine. */
export type ModelBytes = (run: string, round: number, part?: string) => Promise<number>

/** A model of a run. */
export interface RunModel {
  readonly run: string
  readonly round: number
  readonly part: string | undefined
}

/** The name of a job's run: the job's id; from the second run on, with a number. Ids have no tilde. */
export function runName(job: string, number: number): string {
  return number === 1 ? job : `${job}~${number}`
}

/** The number of a run among those of its id. */
export function runNumber(run: string): number {
  const [, number = '1'] = /~(\d+)$/.exec(run) ?? []
  return Number(number)
}

/** The job of a run, whose name begins with the job's id. */
export function jobIdOf(run: string): string {
  return run.replace(/~\d+$/, '')
}

/** The names of runs from one number to another. */
export function runNames(job: string, first: number, last: number): string[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => runName(job, first + index))
}

/** The models of a run, or of one part of it. */
export async function modelsOfRun(registry: ModelRegistry, run: string, part?: string): Promise<RunModel[]> {
  const found: RunModel[] = []
  for (const each of part === undefined ? await partsOf(registry, run) : [part])
    for (const round of await registry.list(run, each)) found.push({ run, round, part: each })
  return found
}

/** The parts of a run; of a run without parts, undefined alone, which stands for the whole model. */
export async function partsOf(registry: ModelRegistry, run: string): Promise<readonly (string | undefined)[]> {
  const parts = await registry.parts(run)
  return parts.length === 0 ? [undefined] : parts
}

/** The id of a job that hasn't ended, and begins with one of these rounds of a run; with the round. If there is one. */
export async function jobNeeding(
  { jobs }: Pick<Collections, 'jobs'>,
  run: string,
  models: readonly { readonly round: number; readonly part?: string | undefined }[],
): Promise<{ readonly by: string; readonly round: number } | undefined> {
  for await (const { id: by, value } of jobs.find({ where: { baseRun: run } })) {
    const { state, baseModel, removing } = value
    if (removing || endedNames.includes(state)) continue
    const needed = models.find(({ round, part }) => baseModel?.round === round && baseModel.part === part)
    if (needed) return { by, round: needed.round }
  }
  return undefined
}

/**
 * Removes models, and gives the bytes of files that are gone with them. Removes none if a job that hasn't ended begins
 * with one of them: MODEL_NEEDED.
 */
export async function removeModels(
  collections: Pick<Collections, 'jobs'>,
  registry: ModelRegistry,
  models: readonly RunModel[],
  modelBytes: ModelBytes = async () => 0,
): Promise<number> {
  for (const run of new Set(models.map((model) => model.run))) {
    const ofRun = models.filter((model) => model.run === run)
    const needed = await jobNeeding(collections, run, ofRun)
    if (needed) throw catalogueError('MODEL_NEEDED', { run, ...needed })
  }
  let bytes = 0
  for (const { run, round, part } of models) {
    const freed = await modelBytes(run, round, part)
    await registry.remove(run, round, part)
    bytes += freed
  }
  return bytes
}

/** The records of models that a user's removed jobs of an id have left, that of the last job first. */
export async function keptModelsOf(
  { keptModels }: Pick<Collections, 'keptModels'>,
  user: string,
  job: string,
): Promise<Stored<KeptModelsRecord>[]> {
  const found: Stored<KeptModelsRecord>[] = []
  for await (const kept of keptModels.below(`${job}/`)) if (kept.value.userId === user) found.push(kept)
  return found.toSorted((a, b) => b.value.lastRun - a.value.lastRun)
}
