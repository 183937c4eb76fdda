import { readFileSync, type Stats, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CodedError, fileErrorCode, fileReason } from '../../../runtime/index.ts'
import { formatError } from '../formats/errors.ts'
import type { NamedBytes } from '../formats/idx.ts'

/**
 * Reads a whole file. Other threads may share its bytes, so don't change them.
 *
 * @param instead Advice for a file that is too large to be read whole.
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

/** Makes DATA_FILE with the reason and advice. A coded error stays as it is. */
export function fileError(file: string, cause: unknown, instead = 'use smaller files'): CodedError {
  if (cause instanceof CodedError) return cause
  return formatError(
    'DATA_FILE',
    { file, reason: fileReason(cause), advice: adviceOn(file, cause, instead) },
    { cause },
  )
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
      return 'restore the file from a copy, and check the disk'
    default:
      return 'check the path, and that this user may read the file'
  }
}

/** @throws DATA_CHANGED if the file's size or time of change differs. */
export function checkUnchanged(file: string, before: Stats, now: Stats): void {
  if (now.size !== before.size || now.mtimeMs !== before.mtimeMs) throw formatError('DATA_CHANGED', { file })
}

/** Reads a whole file. Other threads may share its bytes, so don't change them. */
export type FileReader = (path: string | URL) => Uint8Array

let reader: FileReader = readFileSync

export function readWholeFile(path: string | URL): Uint8Array {
  return reader(path)
}

/** Replaces this thread's reader of whole files, for example by one that shares the bytes between threads. */
export function readFilesWith(other: FileReader): void {
  reader = other
}
