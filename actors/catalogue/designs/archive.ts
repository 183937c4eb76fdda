import { unzipSync } from 'fflate'
import { catalogueError } from '../../errors.ts'
import type { ArchiveLimits } from '../parts.ts'

export interface ArchivedFile {
  readonly path: string
  readonly sizeBytes: number
}

export const defaultArchiveBytes = 10 * 1024 * 1024

/** What may be in an archive that is no larger than this. */
export function archiveLimitsOf(archiveBytes: number): ArchiveLimits {
  return { unpackedBytes: 10 * archiveBytes, files: 10_000, ratio: 100 }
}

export const defaultArchiveLimits = archiveLimitsOf(defaultArchiveBytes)

const badPath = /^\/|^[A-Za-z]:|\\|\0|(^|\/)\.\.?(\/|$)|\/\//

/** Whether a path could lead out of the folder that the archive is unpacked in. */
export function isBadPath(path: string): boolean {
  return badPath.test(path)
}

/** The files of a zip by its directory, nothing of it unpacked. CODE_ARCHIVE if it's none, or holds what it may not. */
export function listArchive(bytes: Uint8Array, limits: ArchiveLimits): ArchivedFile[] {
  const entries: ArchivedFile[] = []
  try {
    unzipSync(bytes, {
      filter({ name, originalSize }) {
        entries.push({ path: name, sizeBytes: originalSize })
        return false
      },
    })
  } catch (cause) {
    throw refused('it is no zip', 'pack the folders of the roles into a zip', cause)
  }
  const files = entries.filter(({ path }) => !path.endsWith('/'))
  for (const { path } of entries)
    if (isBadPath(path)) throw refused(`it names ${JSON.stringify(path)}`, 'name files within the archive')
  if (new Set(files.map(({ path }) => path)).size < files.length)
    throw refused('it names a file twice', 'pack each file once')
  if (files.length === 0) throw refused('it holds no file', 'pack a folder for each role')
  if (entries.length > limits.files) throw refused(`it holds ${entries.length} entries`, `pack at most ${limits.files}`)
  const unpacked = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  if (unpacked > limits.unpackedBytes || unpacked > bytes.length * limits.ratio)
    throw refused(
      `it unpacks to ${unpacked} bytes`,
      `pack at most ${limits.unpackedBytes} bytes, and at most ${limits.ratio} times as many as the archive has`,
    )
  return files
}

/** Folders at the top: one for each role. */
export function topFolders(files: readonly ArchivedFile[]): string[] {
  const folders = files.filter(({ path }) => path.includes('/')).map(({ path }) => path.slice(0, path.indexOf('/')))
  return [...new Set(folders)]
}

function refused(found: string, advice: string, cause?: unknown): Error {
  return catalogueError('CODE_ARCHIVE', { found, advice }, cause === undefined ? {} : { cause })
}
