import { zipSync } from 'fflate'
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl'
import { catalogueError, isRefusal } from '../../errors.ts'
import type { ArchiveLimits } from '../parts.ts'

/** The earliest time that a zip can name: the same bytes whenever and wherever it is packed. */
const packedAt = new Date(1980, 0, 1)

/**
 * Cuts an archive to the folder of one role, to the same bytes each time. What comes out is counted: CODE_ARCHIVE if it's
 * more than the limits allow, or other than the archive's directory tells.
 */
export async function roleArchive(archive: Uint8Array, role: string, limits: ArchiveLimits): Promise<Uint8Array> {
  const most = Math.min(limits.unpackedBytes, archive.length * limits.ratio)
  try {
    const zip = await fromBufferPromise(Buffer.from(archive.buffer, archive.byteOffset, archive.length))
    const files = new Map<string, Uint8Array>()
    let left = most
    for await (const entry of zip.eachEntry()) {
      const { fileName } = entry
      if (!fileName.startsWith(`${role}/`) || fileName.endsWith('/')) continue
      const bytes = await unpacked(zip, entry, left, () => refused(`${role} unpacks to more than ${most} bytes`))
      files.set(fileName, bytes)
      left -= bytes.length
    }
    const sorted = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return zipSync(Object.fromEntries(sorted), { mtime: packedAt, level: 6 })
  } catch (cause) {
    throw isRefusal(cause) ? cause : refused(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

/** Inflated off this thread, and no further than there is room for. */
async function unpacked(zip: ZipFile, entry: Entry, room: number, tooMuch: () => Error): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    if (!(chunk instanceof Uint8Array)) continue
    size += chunk.length
    if (size > room) throw tooMuch()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function refused(found: string, cause?: unknown): Error {
  const advice = 'pack it again, and give the design this new revision'
  return catalogueError('CODE_ARCHIVE', { found, advice }, cause === undefined ? {} : { cause })
}
