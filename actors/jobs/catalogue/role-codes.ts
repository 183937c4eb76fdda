import { zipSync } from 'fflate'
import type { Store } from '../../../runtime/index.ts'
import { unpackedFiles } from '../../catalogue/archive.ts'
import { readArchive } from '../../catalogue/revisions.ts'
import { catalogueError } from '../../model/errors.ts'
import type { ArchiveLimits } from '../../records/parts.ts'

/** Most bytes of cut archives that are kept in memory for further flamelets of a role. */
const keptBytes = 64 * 1024 * 1024

/** Answers with one role's part of a revision of a design's code, as a zip. CODE_UNKNOWN, CODE_ARCHIVE. */
export type RoleCodes = (designSerial: string, revision: number, role: string) => Promise<Uint8Array>

/** Cuts each role's code once for all its flamelets. Keeps the archives that were asked for last. */
export function roleCodes(store: Pick<Store, 'getBlob'>, limits: ArchiveLimits, most = keptBytes): RoleCodes {
  const kept = new Map<string, { readonly bytes: Promise<Uint8Array>; size: number }>()

  return (designSerial, revision, role) => {
    const key = `${designSerial}/${revision}`
    const name = `${key}/${role}`
    const found = kept.get(name) ?? { bytes: cut(key, role), size: 0 }
    // Moves the archive to the end of the order.
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

/** The earliest time that a zip can name. A fixed time, so that packing gives the same bytes each time. */
const packedAt = new Date(1980, 0, 1)

/**
 * Cuts an archive to the folder of one role, and gives the same bytes each time. CODE_ARCHIVE if the unpacked files
 * exceed the limits, or differ from the archive's directory.
 */
export async function roleArchive(archive: Uint8Array, role: string, limits: ArchiveLimits): Promise<Uint8Array> {
  const files: [string, Uint8Array][] = []
  for await (const { path, bytes } of unpackedFiles(archive, limits, (path) => path.startsWith(`${role}/`)))
    files.push([path, bytes])
  const sorted = files.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return zipSync(Object.fromEntries(sorted), { mtime: packedAt, level: 6 })
}
