import { open } from 'node:fs/promises'
import { CodedError, fileReason } from '../../runtime/errors/index.ts'
import { flamectlError } from '../errors.ts'

/** Most bytes of a file of many lines, whose text is held as one string. */
export const mostTextBytes = 500_000_000

/** The text of a file, a pipe or a device, which may have no end. FILE_LARGE; errors of the file system pass unchanged. */
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

/** The text of a file that a person names. FILE_UNREADABLE, FILE_LARGE. */
export async function readText(file: string, most: number): Promise<string> {
  try {
    return await textOf(file, most)
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  }
}

/** The value that `parse` makes of a file's text. FILE_JSON for an error of `parse`. */
export function parsedJson<Value>(file: string, parse: () => Value): Value {
  try {
    return parse()
  } catch (cause) {
    throw flamectlError('FILE_JSON', { file, reason: cause instanceof Error ? cause.message : cause }, { cause })
  }
}
