import { readFileSync, type Stats, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CodedError, fileErrorCode, fileReason } from '../../../runtime/index.ts'
import { dataError } from '../errors.ts'
import type { NamedBytes } from '../formats/idx.ts'

/**
 * A whole file with its name. Its bytes may be shared with other threads: they aren't changed.
 *
 * @param instead What reads a file that is too large to be read whole.
 * @throws DATA_FILE with the reason as cause, DATA_CHANGED.
 */
export function readBytes(file: string | URL, instead: string): NamedBytes {
  const name = nameOf(file)
  try {
    const before = statSync(file)
    const bytes = readWholeFile(file)
    checkUnchanged(name, before, statSync(file))
    return { file: name, bytes }
  } catch (cause) {
    throw fileError(name, cause, instead)
  }
}

/** A file's absolute path, for messages. */
export function nameOf(file: string | URL): string {
  if (file instanceof URL) return file.protocol === 'file:' ? fileURLToPath(file) : String(file)
  return resolve(file)
}

/** DATA_FILE with its reason in words, and what to do; a coded error stays as it is. */
export function fileError(file: string, cause: unknown, instead = 'use smaller files'): CodedError {
  if (cause instanceof CodedError) return cause
  return dataError('DATA_FILE', { file, reason: fileReason(cause), advice: adviceOn(file, cause, instead) }, { cause })
}

function adviceOn(file: string, cause: unknown, instead: string): string {
  switch (fileErrorCode(cause)) {
    case 'ENOENT': {
      const [, name] = /[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(file) ?? []
      return name === undefined
        ? 'check the path, or put the file there'
        : `install the package that has it: npm install ${name}`
    }
    case 'EISDIR':
      return 'name a file in that folder'
    case 'EACCES':
    case 'EPERM':
      return 'allow this user to read the file, and to enter its folders'
    case 'EMFILE':
    case 'ENFILE':
      return 'close opened files that are no longer needed (using), or raise the limit (ulimit -n)'
    case 'ERR_FS_FILE_TOO_LARGE':
      return instead
    case 'EIO':
      return 'get the file again from a copy, and see to the disk'
    default:
      return 'check the path, and that this user may read the file'
  }
}

/** @throws DATA_CHANGED unless the file is as it was. */
export function checkUnchanged(file: string, before: Stats, now: Stats): void {
  if (now.size !== before.size || now.mtimeMs !== before.mtimeMs) throw dataError('DATA_CHANGED', { file })
}

/** Reads a whole file. What it gives may be shared with others, and isn't changed. */
export type FileReader = (path: string | URL) => Uint8Array

let reader: FileReader = readFileSync

export function readWholeFile(path: string | URL): Uint8Array {
  return reader(path)
}

/** Lets whole files of this thread be read by another reader, such as one that shares them between threads. */
export function readFilesWith(other: FileReader): void {
  reader = other
}
