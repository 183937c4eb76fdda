import { isUtf8 } from 'node:buffer'
import { posix } from 'node:path'
import { crc32 } from 'node:zlib'
import { type Entry, fromBufferPromise, getFileNameLowLevel, type ZipFile } from 'yauzl'
import { catalogueError, isRefusal } from '../model/errors.ts'
import type { ArchiveLimits } from '../records/parts.ts'

export interface ArchivedFile {
  readonly path: string
  readonly sizeBytes: number
}

export const defaultArchiveBytes = 10 * 1024 * 1024

/** Limits on the content of an archive of at most `archiveBytes` bytes. */
export function archiveLimitsOf(archiveBytes: number): ArchiveLimits {
  return { unpackedBytes: 10 * archiveBytes, files: 10_000, ratio: 100 }
}

export const defaultArchiveLimits = archiveLimitsOf(defaultArchiveBytes)

/**
 * Unpacks every file of a zip, to check the archive; keeps no file. Answers with the files' paths and sizes.
 * CODE_ARCHIVE if the archive is no zip, isn't whole, is empty, or breaks a limit.
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

/** Names of the folders at the top of an archive, one for each role. */
export function topFolders(files: readonly ArchivedFile[]): string[] {
  const folders = files.filter(({ path }) => path.includes('/')).map(({ path }) => path.slice(0, path.indexOf('/')))
  return [...new Set(folders)]
}

/** The directory of an archive: its files by the paths under which they are unpacked. */
interface ArchiveEntries {
  readonly zip: ZipFile
  readonly files: ReadonlyMap<string, Entry>
}

/** Files that operating systems add to a user's files. */
const ofSystems = /^__MACOSX\/|(?:^|\/)\.DS_Store$/
const badPath = /^\/|^[A-Za-z]:|\p{Cc}|(?:^|\/)\.\.?(?:\/|$)/u

/** Host systems whose entries have a Unix file type: Unix and macOS. */
const unixHosts: readonly number[] = [3, 19]
const typeBits = 0o170000
const types = { file: 0o100000, folder: 0o040000, link: 0o120000 } as const

/**
 * Reads the directory of a zip, and unpacks nothing. Paths don't depend on the system that made the archive: slashes,
 * no `./`, Unicode's composed form. CODE_ARCHIVE if the archive is no zip, or has a file that some systems can't
 * unpack.
 */
async function archiveEntries(archive: Uint8Array, limits: ArchiveLimits): Promise<ArchiveEntries> {
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

const packAgain = 'pack it again, and give the design this new revision'

/** Whether an entry is a symbolic link: its content is the path of another entry. */
function isLink(entry: Entry): boolean {
  return typeOf(entry) === types.link
}

function archiveRefused(found: string, advice: string, cause?: unknown): Error {
  return catalogueError('CODE_ARCHIVE', { found, advice }, cause === undefined ? {} : { cause })
}

function quoted(path: string): string {
  return JSON.stringify(path)
}

/**
 * macOS writes UTF-8 names without the flag for UTF-8. Other names without the flag have the IBM PC's code page, by the
 * format.
 */
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

/**
 * CODE_ARCHIVE if two names differ in case alone, which some systems take for one file, or one name is a file and a
 * folder.
 */
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

export interface UnpackedFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** Longest chain of symbolic links that is followed: longer chains are circles or attacks. */
const mostLinks = 10

/**
 * Unpacks the files of an archive whose paths are wanted, one after another, off this thread. A symbolic link to a file
 * of the archive yields the file's content. CODE_ARCHIVE if the unpacked bytes exceed the limits, or differ from the
 * size or the check sum in the archive's directory, or a link leads to no file of the archive.
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

/** Follows symbolic links from a path to the entry that has the content. CODE_ARCHIVE if there is none. */
async function targetOf({ zip, files }: ArchiveEntries, path: string): Promise<Entry> {
  let at = path
  for (let links = 0; links <= mostLinks; links++) {
    const entry = files.get(at)
    if (entry === undefined) break
    if (!isLink(entry)) return entry
    // 4096 bytes: the longest path on most systems.
    const target = Buffer.from(await unpacked(zip, entry, at, 4096, 4096)).toString()
    at = posix.normalize(target.startsWith('/') ? target : posix.join(posix.dirname(at), target)).normalize('NFC')
  }
  throw archiveRefused(
    `its entry ${quoted(path)} is a symbolic link to ${quoted(at)}, which is no file of the archive`,
    'pack the files themselves: zip does so without --symlinks',
  )
}

/** Inflates an entry off this thread. CODE_ARCHIVE if the content has more than `room` bytes, or is damaged. */
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
