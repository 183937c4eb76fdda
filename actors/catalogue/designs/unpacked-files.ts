import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl'
import { catalogueError, isRefusal } from '../../errors.ts'
import type { ArchiveLimits } from '../parts.ts'
import { isBadPath } from './archive.ts'

export interface UnpackedFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * The files of an archive whose paths are wanted, unpacked one after another. What comes out is counted: CODE_ARCHIVE if
 * it's more than the limits allow, or other than the archive's directory tells, or a path leaves the archive.
 */
export async function* unpackedFiles(
  archive: Uint8Array,
  { unpackedBytes, ratio }: ArchiveLimits,
  isWanted: (path: string) => boolean = () => true,
): AsyncGenerator<UnpackedFile> {
  const most = Math.min(unpackedBytes, archive.length * ratio)
  let left = most
  try {
    const zip = await fromBufferPromise(Buffer.from(archive.buffer, archive.byteOffset, archive.length))
    for await (const entry of zip.eachEntry()) {
      const path = entry.fileName
      if (path.endsWith('/') || !isWanted(path)) continue
      if (isBadPath(path)) throw refused(`it names ${JSON.stringify(path)}`)
      const bytes = await unpacked(zip, entry, left, () => refused(`it unpacks to more than ${most} bytes`))
      left -= bytes.length
      yield { path, bytes }
    }
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
