import { isUtf8 } from 'node:buffer'
import { type Entry, fromBufferPromise, getFileNameLowLevel, type ZipFile } from 'yauzl'
import { catalogueError, isRefusal } from '../../model/errors.ts'
import type { ArchiveLimits } from '../../records/parts.ts'

/** An archive's directory, read: its files by the paths under which they are unpacked. */
export interface ArchiveEntries {
  readonly zip: ZipFile
  readonly files: ReadonlyMap<string, Entry>
}

/** What systems put beside the files of a person. */
const ofSystems = /^__MACOSX\/|(?:^|\/)\.DS_Store$/
const badPath = /^\/|^[A-Za-z]:|\p{Cc}|(?:^|\/)\.\.?(?:\/|$)/u

/** Systems whose entries have a type: Unix and macOS. */
const unixHosts: readonly number[] = [3, 19]
const typeBits = 0o170000
const types = { file: 0o100000, folder: 0o040000, link: 0o120000 } as const

/**
 * The files of a zip, by its directory; nothing of it is unpacked. Paths are the same whatever system made the archive:
 * slashes, no `./`, Unicode's composed form. CODE_ARCHIVE if it's none, or names what can't be unpacked everywhere.
 */
export async function archiveEntries(archive: Uint8Array, limits: ArchiveLimits): Promise<ArchiveEntries> {
  try {
    const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.length)
    const zip = await fromBufferPromise(bytes, { decodeStrings: false }).catch((cause: unknown) => {
      throw archiveRefused('it is no zip, or not a whole one', 'pack the folders of the roles into a zip', cause)
    })
    if (zip.entryCount > limits.files)
      throw archiveRefused(`it holds ${zip.entryCount} entries`, `pack at most ${limits.files}`)
    const files = new Map<string, Entry>()
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry)
      const path = portable(name)
      if (badPath.test(path)) throw archiveRefused(`it names ${quoted(name)}`, 'name files within the archive')
      if (isFolder(entry, path) || path === '' || ofSystems.test(path)) continue
      assertReadable(entry, path)
      if (files.has(path)) throw archiveRefused(`it names ${quoted(path)} twice`, 'pack each file once')
      files.set(path, entry)
    }
    assertApart([...files.keys()])
    return { zip, files }
  } catch (cause) {
    if (isRefusal(cause)) throw cause
    const found = `its directory is damaged: ${cause instanceof Error ? cause.message : cause}`
    throw archiveRefused(found, packAgain, cause)
  }
}

export const packAgain = 'pack it again, and give the design this new revision'

/** Whether an entry holds the path of another one instead of a content. */
export function isLink(entry: Entry): boolean {
  return typeOf(entry) === types.link
}

export function archiveRefused(found: string, advice: string, cause?: unknown): Error {
  return catalogueError('CODE_ARCHIVE', { found, advice }, cause === undefined ? {} : { cause })
}

export function quoted(path: string): string {
  return JSON.stringify(path)
}

/** macOS writes UTF-8 and doesn't say so; what is neither is of the IBM PC's code page, as the format has it. */
function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  const hasUnicodePath = extraFields.some(({ id }) => id === 0x7075)
  const flag = isUtf8(fileNameRaw) && !hasUnicodePath ? generalPurposeBitFlag | 0x800 : generalPurposeBitFlag
  return getFileNameLowLevel(flag, fileNameRaw, extraFields, false)
}

function portable(name: string): string {
  return name
    .normalize('NFC')
    .replace(/\/(?:\.?\/)+/g, '/')
    .replace(/^(?:\.\/)+/, '')
}

function typeOf({ versionMadeBy, externalFileAttributes }: Entry): number | undefined {
  const mode = (externalFileAttributes >>> 16) & typeBits
  return unixHosts.includes(versionMadeBy >> 8) && mode !== 0 ? mode : undefined
}

function isFolder(entry: Entry, path: string): boolean {
  return path.endsWith('/') || typeOf(entry) === types.folder
}

function assertReadable(entry: Entry, path: string): void {
  const type = typeOf(entry)
  if (type !== undefined && type !== types.file && type !== types.link)
    throw archiveRefused(`its entry ${quoted(path)} is a device or a socket`, 'pack files and folders alone')
  if (entry.isEncrypted()) throw archiveRefused(`its entry ${quoted(path)} is encrypted`, 'pack it without a password')
  if (!entry.canDecodeFileData())
    throw archiveRefused(
      `its entry ${quoted(path)} is packed by method ${entry.compressionMethod}, which is not read here`,
      'pack it by deflate, as every zip program does unless told otherwise',
    )
}

/** On some systems names that differ in case alone are one file, and nowhere is one name a file and a folder. */
function assertApart(paths: readonly string[]): void {
  const folded = new Map<string, string>()
  for (const path of paths) {
    const key = path.toLowerCase()
    const other = folded.get(key)
    if (other !== undefined)
      throw archiveRefused(
        `it names ${quoted(other)} and ${quoted(path)}, which are one file on other systems`,
        'name files so that they differ in more than the case of letters',
      )
    folded.set(key, path)
  }
  for (const [key, path] of folded)
    for (let at = key.indexOf('/'); at !== -1; at = key.indexOf('/', at + 1)) {
      const file = folded.get(key.slice(0, at))
      if (file !== undefined)
        throw archiveRefused(`${quoted(file)} is a file in it, and a folder with ${quoted(path)}`, packAgain)
    }
}
