import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import { decodeModel, knownPart } from '../../actors/catalogue/model/index.ts'
import { fileReason } from '../../runtime/errors/index.ts'
import { flamectlError } from '../errors.ts'

/**
 * Reads a file of JSON by a model. Fields named `//` are comments; other fields that the model doesn't name are dropped, and
 * `warn` hears of them. FILE_UNREADABLE, FILE_JSON, MODEL_INVALID with every fault.
 */
export async function readModel<Model extends z.ZodType>(
  file: string,
  model: Model,
  warn: (text: string) => void,
): Promise<z.output<Model>> {
  return decodeFile(file, await readJson(file), model, warn)
}

/** As `readModel` does with what is in the file already read. */
export function decodeFile<Model extends z.ZodType>(
  file: string,
  json: unknown,
  model: Model,
  warn: (text: string) => void,
): z.output<Model> {
  const { value, unknown } = knownPart(model, json)
  for (const place of unknown) warn(`${file}: there is no field ${place}, it is left out`)
  return decodeModel(model, value, `file ${file}`)
}

/** Reads JSON without its comments. FILE_UNREADABLE, FILE_JSON. */
export async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  })
  try {
    return withoutComments(JSON.parse(text.replace(/^\ufeff/, '')))
  } catch (cause) {
    throw flamectlError('FILE_JSON', { file, reason: cause instanceof Error ? cause.message : cause }, { cause })
  }
}

function withoutComments(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutComments)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([name]) => name !== '//')
  return Object.fromEntries(fields.map(([name, field]: [string, unknown]) => [name, withoutComments(field)]))
}
