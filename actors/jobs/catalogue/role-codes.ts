import { zipSync } from 'fflate'
import type { Store } from '../../../runtime/index.ts'
import { unpackedFiles } from '../../catalogue/archive.ts'
import { readArchive } from '../../catalogue/revisions.ts'
import { catalogueError } from '../../model/errors.ts'
import type { ArchiveLimits } from '../../records/parts.ts'

/** Bytes of archives that were cut and are kept for the next flamelet of the role. */
const keptBytes = 64 * 1024 * 1024

/** The code of a design's revision, cut to a role. CODE_UNKNOWN, CODE_ARCHIVE. */
export type RoleCodes = (designSerial: string, revision: number, role: string) => Promise<Uint8Array>

/** Cuts each role's code once for all flamelets that ask for it. Of those cut, the ones asked for last are kept. */
export function roleCodes(store: Pick<Store, 'getBlob'>, limits: ArchiveLimits, most = keptBytes): RoleCodes {
  const kept = new Map<string, { readonly bytes: Promise<Uint8Array>; size: number }>()

  return (designSerial, revision, role) => {
    const key = `${designSerial}/${revision}`
    const name = `${key}/${role}`
    const found = kept.get(name) ?? { bytes: cut(key, role), size: 0 }
    // At the end of the order, as the one asked for last.
    kept.delete(name)
    kept.set(name, found)
    void found.bytes.then(
      ({ length }) => {
        found.size = length
        let total = [...kept.values()].reduce((sum, { size }) => sum + size, 0)
        for (const [other, { size }] of kept) {
          if (total <= most) return
          total -= size
          kept.delete(other)
        }
      },
      () => kept.delete(name),
    )
    return found.bytes
  }

  async function cut(key: string, role: string): Promise<Uint8Array> {
    const archive = await readArchive(store, key)
    if (!archive) throw catalogueError('CODE_UNKNOWN', { id: key })
    return roleArchive(archive, role, limits)
  }
}

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
