import { openAsBlob } from 'node:fs'
import { link, open, readdir, readFile, readlink, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Zippable, zipSync } from 'fflate'
import { CodedError, fileErrorCode, fileReason, systemFaultOf } from '../../runtime/errors/index.ts'
import { flamectlError } from '../errors.ts'

/** As many files as a server takes, and as much as one can be told to take. */
const most = { files: 10_000, megabytes: 1000 }

/** An archive to be sent, read only as it goes; a folder is packed. FILE_UNREADABLE, CODE_SIZE, CODE_LINK. */
export async function archiveToSend(file: string): Promise<{ readonly fileName: string; readonly fileData: Blob }> {
  try {
    const found = await stat(file)
    if (found.isDirectory()) {
      const fileData = new Blob([zipOf(await filesIn(file, { most, strayLinks: 'refuse' }))])
      return { fileName: `${basename(resolve(file))}.zip`, fileData }
    }
    if (!found.isFile()) throw new Error('it is no file')
    return { fileName: basename(file), fileData: await openAsBlob(file) }
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  }
}

/** Saves what comes under a name, whole or not at all. FILE_EXISTS if there is one of that name, unless `force`; FILE_UNWRITABLE. */
export async function saveWhole(
  file: string,
  content: ReadableStream<Uint8Array>,
  { force }: { readonly force: boolean },
): Promise<void> {
  const partial = `${file}.${process.pid}.part`
  try {
    const handle = await open(partial, 'wx')
    try {
      await pipeline(content, handle.createWriteStream({ flush: true }))
      // Unlike a renaming, a link never takes another file's place.
      await (force ? rename(partial, file) : link(partial, file))
    } finally {
      await handle.close().catch(() => {})
      await unlink(partial).catch(() => {})
    }
  } catch (cause) {
    if (!force && fileErrorCode(cause) === 'EEXIST') throw flamectlError('FILE_EXISTS', { file }, { cause })
    const fault = systemFaultOf(cause)
    // What is lost may be the connection by which the content comes.
    if (fault !== 'denied' && fault !== 'full') throw cause
    throw flamectlError('FILE_UNWRITABLE', { file, reason: fileReason(cause) }, { cause })
  }
}

const neverPacked = /^(\.|node_modules$)/
/** The same files make the same archive, whenever and wherever it's made: an archive's times are local ones. */
const mtime = new Date(2000, 0, 1)

/** What is in a folder, by paths with slashes, in the same order on every machine. */
type FolderFiles = ReadonlyMap<string, Uint8Array>

interface FolderOptions {
  /** What a folder of code may hold, unpacked. */
  readonly most: { readonly files: number; readonly megabytes: number }
  /** What becomes of a symbolic link that leads out of the folder, in a circle, or nowhere. */
  readonly strayLinks: 'refuse' | 'leave out'
  /** Whether a file, or a folder with all that is in it, is wanted. Default: all are. */
  readonly isKept?: (name: string, isFolder: boolean) => boolean
}

interface Found {
  readonly path: string
  readonly sizeBytes: number
}

/**
 * The files in a folder and its folders, but for those that are hidden, libraries, and what isn't wanted. A symbolic link to
 * what lies in the folder is followed. Nothing is read before all was counted: CODE_SIZE, CODE_LINK.
 */
export async function filesIn(
  folder: string,
  { most, strayLinks, isKept = () => true }: FolderOptions,
): Promise<FolderFiles> {
  const root = await realpath(folder)
  const found: Found[] = []
  let sizeBytes = 0
  for await (const file of filesWithin('', [root])) {
    found.push(file)
    sizeBytes += file.sizeBytes
    if (found.length > most.files || sizeBytes > most.megabytes * 1024 * 1024)
      throw flamectlError('CODE_SIZE', { folder, ...most })
  }
  const files = new Map<string, Uint8Array>()
  for (const { path } of found) files.set(path, await readFile(join(folder, path)))
  return files

  /** `above` has the real places of the folders that are being read. */
  async function* filesWithin(within: string, above: readonly string[]): AsyncGenerator<Found, void, void> {
    const entries = await readdir(join(folder, within), { withFileTypes: true })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (neverPacked.test(entry.name)) continue
      const path = within === '' ? entry.name : `${within}/${entry.name}`
      const real = entry.isSymbolicLink() ? await targetOf(path, above) : join(above.at(-1) ?? root, entry.name)
      if (typeof real !== 'string') {
        if (strayLinks === 'leave out' || !isKept(entry.name, false)) continue
        throw flamectlError('CODE_LINK', { link: join(folder, path), found: real.stray })
      }
      const { size, isFile, isFolder } = await kindOf(real)
      if (!isKept(entry.name, isFolder)) continue
      if (isFolder) yield* filesWithin(path, [...above, real])
      else if (isFile) yield { path, sizeBytes: size }
    }
  }

  /** Where a link leads, or why it can't be followed. */
  async function targetOf(path: string, above: readonly string[]): Promise<string | { readonly stray: string }> {
    const real = await realpath(join(folder, path)).catch(() => undefined)
    if (real === undefined) return { stray: `to ${await readlink(join(folder, path))}, where nothing is` }
    if (above.includes(real)) return { stray: 'to a folder that it lies in' }
    return real.startsWith(root + sep) ? real : { stray: `out of the folder, to ${real}` }
  }
}

async function kindOf(file: string) {
  const found = await stat(file)
  return { size: found.size, isFile: found.isFile(), isFolder: found.isDirectory() }
}

/** A zip of files, with the same bytes for the same files. */
export function zipOf(files: Iterable<readonly [string, Uint8Array]>): Uint8Array<ArrayBuffer> {
  const zipped: Zippable = {}
  for (const [path, bytes] of files) zipped[path] = [bytes, { mtime }]
  return Uint8Array.from(zipSync(zipped))
}
