import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { type JobSpecification, jobSpec } from '../../actors/model/index.ts'
import type { Kind } from '../../sdk/index.ts'
import { flamectlError } from '../errors.ts'
import { decodeFile, readJson, readModel } from './json-file.ts'

/** Settings as --set gives them. */
export interface GivenSettings {
  /** Settings of the workload, by name. */
  readonly overrides: Readonly<Record<string, string>>
  /** Names of the job's algorithm and its parts with their settings, such as `fedadam,eta=0.05`, by kind. */
  readonly choices: Readonly<Partial<Record<Kind, string>>>
}

/** A job as a file has it: its data and its model may stand in files of their own, beside it. */
const jobFile = z.strictObject({
  ...jobSpec.shape,
  dataSpecPath: z.string().min(1).exactOptional(),
  modelSpecPath: z.string().min(1).exactOptional(),
})

const parts = [
  { field: 'dataSpec', path: 'dataSpecPath', model: z.strictObject({ dataSpec: jobSpec.shape.dataSpec.unwrap() }) },
  { field: 'modelSpec', path: 'modelSpecPath', model: z.strictObject({ modelSpec: jobSpec.shape.modelSpec.unwrap() }) },
] as const

/** Reads a job's file and those that it names. FILE_UNREADABLE, FILE_JSON, FILE_TWICE, MODEL_INVALID. */
export async function readJobFile(file: string, warn: (text: string) => void): Promise<JobSpecification> {
  const { dataSpecPath, modelSpecPath, ...job } = await readModel(file, jobFile, warn)
  const paths = { dataSpecPath, modelSpecPath }
  let whole: JobSpecification = job
  for (const { field, path, model } of parts) {
    const named = paths[path]
    if (named === undefined) continue
    if (job[field] !== undefined) throw flamectlError('FILE_TWICE', { file, field, path })
    const beside = resolve(dirname(file), named)
    whole = { ...whole, ...decodeFile(beside, wrapped(field, await readJson(beside)), model, warn) }
  }
  return whole
}

/** A job with the hyperparameters and algorithms that --set gives in place of its own. STRATEGY_SYNTAX. */
export async function withSettings(
  job: JobSpecification,
  { overrides, choices }: GivenSettings,
): Promise<JobSpecification> {
  const given = Object.entries(overrides)
  if (given.length === 0 && Object.keys(choices).length === 0) return job
  const { choicesOf } = await import('../../sdk/index.ts')
  const values = given.map(([name, text]) => [name, valueOf(text)] as const)
  const hyperparameters = { ...job.modelSpec?.hyperparameters, ...Object.fromEntries(values) }
  return { ...job, modelSpec: { ...job.modelSpec, ...choicesOf(choices), hyperparameters } }
}

/** A number or a boolean where the text is one. */
function valueOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  return text === '' || Number.isNaN(Number(text)) ? text : Number(text)
}

/** The file may hold the part itself, or an object that holds it under its name. */
function wrapped(field: string, json: unknown): unknown {
  const isWrapped = typeof json === 'object' && json !== null && Object.hasOwn(json, field)
  return isWrapped ? json : { [field]: json }
}
