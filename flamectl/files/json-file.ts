import { open } from 'node:fs/promises'
import type { z } from 'zod'
import { decodeModel, knownPart } from '../../actors/model/index.ts'
import { CodedError, fileReason } from '../../runtime/errors/index.ts'
import { flamectlError } from '../errors.ts'

/**
 * Reads a file of JSON by a model. Fields named `//` are comments; other fields that the model doesn't name are dropped, and
 * `warn` hears of them. FILE_UNREADABLE, FILE_LARGE, FILE_JSON, MODEL_INVALID with every fault.
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

/** More than a server takes, unless it was told to take very much. */
const mostBytes = 100 * 1024 * 1024
/** As a server takes it. */
const mostDepth = 64

/** Reads JSON without its comments. FILE_UNREADABLE, FILE_LARGE, FILE_JSON. */
export async function readJson(file: string): Promise<unknown> {
  const text = await textOf(file, mostBytes).catch((cause: unknown) => {
    if (cause instanceof CodedError) throw cause
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  })
  try {
    return withoutComments(JSON.parse(text.replace(/^\ufeff/, '')), mostDepth)
  } catch (cause) {
    throw flamectlError('FILE_JSON', { file, reason: cause instanceof Error ? cause.message : cause }, { cause })
  }
}

/** The text of a file, a pipe or a device, which may have no end. FILE_LARGE; errors of the file system as they are. */
export async function textOf(file: string, most: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  await using handle = await open(file)
  for await (const chunk of handle.createReadStream({ autoClose: false })) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > most) throw flamectlError('FILE_LARGE', { file, most })
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString()
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
