import type { ArchiveLimits } from '../../records/parts.ts'
import { archiveEntries, archiveRefused } from './archive-entries.ts'
import { unpackedFiles } from './unpacked-files.ts'

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

/**
 * Unpacks a zip once to check every file of it, and keeps none. CODE_ARCHIVE if it's no zip, isn't whole, or holds what it
 * may not.
 */
export async function checkedArchive(bytes: Uint8Array, limits: ArchiveLimits): Promise<ArchivedFile[]> {
  const entries = await archiveEntries(bytes, limits)
  if (entries.files.size === 0) throw archiveRefused('it holds no file', 'pack a folder for each role')
  const told = [...entries.files.values()].reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0)
  if (told > limits.unpackedBytes || told > bytes.length * limits.ratio)
    throw archiveRefused(
      `it unpacks to ${told} bytes`,
      `pack at most ${limits.unpackedBytes} bytes, and at most ${limits.ratio} times as many as the archive has`,
    )
  const files: ArchivedFile[] = []
  for await (const file of unpackedFiles(bytes, limits)) files.push({ path: file.path, sizeBytes: file.bytes.length })
  return files
}

/** Folders at the top: one for each role. */
export function topFolders(files: readonly ArchivedFile[]): string[] {
  const folders = files.filter(({ path }) => path.includes('/')).map(({ path }) => path.slice(0, path.indexOf('/')))
  return [...new Set(folders)]
}
