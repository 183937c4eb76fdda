import { fileURLToPath } from 'node:url'
import { dataError } from '../errors.ts'
import type { NamedBytes } from '../formats/idx.ts'
import { readWholeFile } from './node-whole-file.ts'

/**
 * A whole file with its name. Its bytes may be shared with other threads: they aren't changed.
 *
 * @throws DATA_FILE with the reason as cause.
 */
export function readBytes(file: string | URL): NamedBytes {
  try {
    return { file: nameOf(file), bytes: readWholeFile(file) }
  } catch (cause) {
    throw dataError('DATA_FILE', { file: nameOf(file) }, { cause })
  }
}

/** A file's name for messages. */
export function nameOf(file: string | URL): string {
  return file instanceof URL && file.protocol === 'file:' ? fileURLToPath(file) : String(file)
}
