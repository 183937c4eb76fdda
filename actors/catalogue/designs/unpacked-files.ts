import { posix } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { isRefusal } from '../../model/errors.ts'
import type { ArchiveLimits } from '../../records/parts.ts'
import { type ArchiveEntries, archiveEntries, archiveRefused, isLink, packAgain, quoted } from './archive-entries.ts'

export interface UnpackedFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** A chain of links that is longer is none that a person made. */
const mostLinks = 10

/**
 * The files of an archive whose paths are wanted, unpacked one after another off this thread. A symbolic link to a file of the
 * archive is that file. What comes out is counted and checked: CODE_ARCHIVE if it's more than the limits allow, or other
 * than the archive's directory tells, or its check sum is another, or a link leads to no file of the archive.
 */
export async function* unpackedFiles(
  archive: Uint8Array,
  limits: ArchiveLimits,
  isWanted: (path: string) => boolean = () => true,
): AsyncGenerator<UnpackedFile> {
  const entries = await archiveEntries(archive, limits)
  const most = Math.min(limits.unpackedBytes, archive.length * limits.ratio)
  let left = most
  for (const path of entries.files.keys()) {
    if (!isWanted(path)) continue
    const bytes = await unpacked(entries.zip, await targetOf(entries, path), path, left, most)
    left -= bytes.length
    yield { path, bytes }
  }
}

/** The entry with a path's content, after all links. */
async function targetOf({ zip, files }: ArchiveEntries, path: string): Promise<Entry> {
  let at = path
  for (let links = 0; links <= mostLinks; links++) {
    const entry = files.get(at)
    if (entry === undefined) break
    if (!isLink(entry)) return entry
    // As long as a path may be on most systems.
    const target = Buffer.from(await unpacked(zip, entry, at, 4096, 4096)).toString()
    at = posix.normalize(target.startsWith('/') ? target : posix.join(posix.dirname(at), target)).normalize('NFC')
  }
  throw archiveRefused(
    `its entry ${quoted(path)} is a symbolic link to ${quoted(at)}, which is no file of the archive`,
    'pack the files themselves: zip does so without --symlinks',
  )
}

/** Inflated off this thread, and no further than there is room for. */
async function unpacked(zip: ZipFile, entry: Entry, path: string, room: number, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  let sum = 0
  try {
    for await (const chunk of await zip.openReadStreamPromise(entry)) {
      if (!(chunk instanceof Uint8Array)) continue
      size += chunk.length
      if (size > room) throw archiveRefused(`it unpacks to more than ${most} bytes`, `pack at most ${most} bytes`)
      sum = crc32(chunk, sum)
      chunks.push(chunk)
    }
  } catch (cause) {
    if (isRefusal(cause)) throw cause
    const found = cause instanceof Error ? cause.message : cause
    throw archiveRefused(`its entry ${quoted(path)} is damaged: ${found}`, packAgain, cause)
  }
  if (sum !== entry.crc32)
    throw archiveRefused(`its entry ${quoted(path)} is damaged: its check sum is another`, packAgain)
  return Buffer.concat(chunks)
}
