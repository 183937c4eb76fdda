import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import {
  type DatasetInfo,
  datasetInfo,
  decodeModel,
  designSchema,
  type JobSpecification,
  jobSpec,
  knownPart,
} from '../../actors/model/index.ts'
import type { Kind } from '../../sdk/index.ts'
import { flamectlError } from '../errors.ts'
import { parsedJson, readText } from './file-text.ts'

// The models and zod are half of what flamectl would load, so commands import this file when they read one.

/** Settings as --set gives them. */
export interface GivenSettings {
  /** Settings of the workload, by name. */
  readonly overrides: Readonly<Record<string, string>>
  /** Names of the job's algorithm and its parts with their settings, such as `fedadam,eta=0.05`, by kind. */
  readonly choices: Readonly<Partial<Record<Kind, string>>>
}

/** The file of a job. Its data and its model may stand in files of their own beside the job's file. */
const jobFile = z.strictObject({
  ...jobSpec.shape,
  dataSpecPath: z.string().min(1).exactOptional(),
  modelSpecPath: z.string().min(1).exactOptional(),
})

const parts = [
  { field: 'dataSpec', path: 'dataSpecPath', model: z.strictObject({ dataSpec: jobSpec.shape.dataSpec.unwrap() }) },
  { field: 'modelSpec', path: 'modelSpecPath', model: z.strictObject({ modelSpec: jobSpec.shape.modelSpec.unwrap() }) },
] as const

/** Reads a job's file and the files that it names. FILE_UNREADABLE, FILE_JSON, FILE_TWICE, MODEL_INVALID. */
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

/** A job whose hyperparameters and algorithms are replaced by those of --set. STRATEGY_SYNTAX. */
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

/** The value of a text: a number, a boolean, or the text itself. */
function valueOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  return text === '' || Number.isNaN(Number(text)) ? text : Number(text)
}

/** An object with the field, from a file that holds either the field's value or the object. */
function wrapped(field: string, json: unknown): unknown {
  const isWrapped = typeof json === 'object' && json !== null && Object.hasOwn(json, field)
  return isWrapped ? json : { [field]: json }
}

/** Reads a design's schema. Errors as `readModel`. */
export function readSchema(file: string, warn: (text: string) => void): Promise<z.output<typeof designSchema>> {
  return readModel(file, designSchema, warn)
}

/** Reads a dataset. Errors as `readModel`. */
export function readDataset(file: string, warn: (text: string) => void): Promise<DatasetInfo> {
  return readModel(file, datasetInfo, warn)
}

/**
 * Reads a file of JSON by a model. Fields named `//` are comments. Other fields that the model doesn't know are dropped with a
 * warning. FILE_UNREADABLE, FILE_LARGE, FILE_JSON, MODEL_INVALID with every fault.
 */
export async function readModel<Model extends z.ZodType>(
  file: string,
  model: Model,
  warn: (text: string) => void,
): Promise<z.output<Model>> {
  return decodeFile(file, await readJson(file), model, warn)
}

/** Decodes the JSON of a file as `readModel` does. */
function decodeFile<Model extends z.ZodType>(
  file: string,
  json: unknown,
  model: Model,
  warn: (text: string) => void,
): z.output<Model> {
  const { value, unknown } = knownPart(model, json)
  for (const place of unknown) warn(`${file}: there is no field ${place}, it is left out`)
  return decodeModel(model, value, `file ${file}`)
}

/** Larger than any body that a server takes by default. */
const mostBytes = 100 * 1024 * 1024
/** The server's own limit. */
const mostDepth = 64

/** Reads JSON without its comments. FILE_UNREADABLE, FILE_LARGE, FILE_JSON. */
async function readJson(file: string): Promise<unknown> {
  const text = await readText(file, mostBytes)
  return parsedJson(file, () => withoutComments(JSON.parse(text.replace(/^\ufeff/, '')), mostDepth))
}

function withoutComments(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) throw new RangeError(`it is nested more than ${mostDepth} deep`)
  if (Array.isArray(value)) return value.map((item) => withoutComments(item, levels - 1))
  const fields = Object.entries(value).filter(([name]) => name !== '//')
  return Object.fromEntries(
    fields.map(([name, field]: [string, unknown]) => [name, withoutComments(field, levels - 1)]),
  )
}
