import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { type JobSpecification, jobSpec } from '../../actors/model/index.ts'
import { flamectlError } from '../errors.ts'
import { decodeFile, readJson, readModel } from './json-file.ts'

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

/** The file may hold the part itself, or an object that holds it under its name. */
function wrapped(field: string, json: unknown): unknown {
  const isWrapped = typeof json === 'object' && json !== null && Object.hasOwn(json, field)
  return isWrapped ? json : { [field]: json }
}
