import { zipSync } from 'fflate'
import { unpackedFiles } from '../../catalogue/designs/unpacked-files.ts'
import type { ArchiveLimits } from '../../records/parts.ts'

/** The earliest time that a zip can name: the same bytes whenever and wherever it is packed. */
const packedAt = new Date(1980, 0, 1)

/**
 * Cuts an archive to the folder of one role, to the same bytes each time. What comes out is counted: CODE_ARCHIVE if it's
 * more than the limits allow, or other than the archive's directory tells.
 */
export async function roleArchive(archive: Uint8Array, role: string, limits: ArchiveLimits): Promise<Uint8Array> {
  const files: [string, Uint8Array][] = []
  for await (const { path, bytes } of unpackedFiles(archive, limits, (path) => path.startsWith(`${role}/`)))
    files.push([path, bytes])
  const sorted = files.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return zipSync(Object.fromEntries(sorted), { mtime: packedAt, level: 6 })
}
