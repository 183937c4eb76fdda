import { openAsBlob } from 'node:fs'
import { link, open, readdir, readFile, readlink, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Zippable } from 'fflate'
import { CodedError, fileErrorCode, fileReason, systemFaultOf } from '../../runtime/errors/index.ts'
import { flamectlError } from '../errors.ts'

/** The most files that a server takes, and the largest limit of bytes that a server can be given. */
export const mostOfCode = { files: 10_000, megabytes: 1000 }

/** An archive to be sent: a file is read while it is sent, a folder is packed first. FILE_UNREADABLE, CODE_SIZE, CODE_LINK. */
export async function archiveToSend(file: string): Promise<{ readonly fileName: string; readonly fileData: Blob }> {
  try {
    const found = await stat(file)
    if (found.isDirectory()) {
      const fileData = new Blob([await zipOf(await filesIn(file, { most: mostOfCode, strayLinks: 'refuse' }))])
      return { fileName: `${basename(resolve(file))}.zip`, fileData }
    }
    if (!found.isFile()) throw new Error('it is no file')
    return { fileName: basename(file), fileData: await openAsBlob(file) }
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  }
}

/** Saves a stream as a file, whole or not at all. FILE_EXISTS if the file is there already, unless `force`; FILE_UNWRITABLE. */
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
      // Unlike `rename`, `link` never replaces a file.
      await (force ? rename(partial, file) : link(partial, file))
    } finally {
      await handle.close().catch(() => {})
      await unlink(partial).catch(() => {})
    }
  } catch (cause) {
    if (!force && fileErrorCode(cause) === 'EEXIST') throw flamectlError('FILE_EXISTS', { file }, { cause })
    const fault = systemFaultOf(cause)
    // Another fault may be that of the connection that brings the content.
    if (fault !== 'denied' && fault !== 'full') throw cause
    throw flamectlError('FILE_UNWRITABLE', { file, reason: fileReason(cause) }, { cause })
  }
}

const neverPacked = /^(\.|node_modules$)/
/** A fixed time for all files, so that the same files give the same archive everywhere: times in a zip are local. */
const mtime = new Date(2000, 0, 1)

/** The contents of a folder's files, by path with slashes, in the same order on every machine. */
type FolderFiles = ReadonlyMap<string, Uint8Array>

interface FolderOptions {
  /** Limits of a folder of code, unpacked. */
  readonly most: { readonly files: number; readonly megabytes: number }
  /** How to treat a symbolic link that leads out of the folder, in a circle, or nowhere. */
  readonly strayLinks: 'refuse' | 'leave out'
  /** Whether to keep a file, or a folder with its content. Default: keeps all. */
  readonly isKept?: (name: string, isFolder: boolean) => boolean
}

interface Found {
  readonly path: string
  readonly sizeBytes: number
}

/**
 * Reads the files of a folder and of its subfolders, without hidden ones, libraries, and those that `isKept` refuses. A symbolic
 * link into the folder is followed. All files are counted before the first is read. CODE_SIZE, CODE_LINK.
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

  /** `above` holds the real paths of the folders that are being read. */
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

  /** The real path of a link, or the reason why the link can't be followed. */
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

/** Writes bytes as a file, whole or not at all. FILE_UNWRITABLE. */
export async function replaceFile(file: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await saveWhole(file, new Blob([bytes]).stream(), { force: true })
}

/** A zip of files. The same files give the same bytes. */
export async function zipOf(files: Iterable<readonly [string, Uint8Array]>): Promise<Uint8Array<ArrayBuffer>> {
  const { zipSync } = await import('fflate')
  const zipped: Zippable = {}
  for (const [path, bytes] of files) zipped[path] = [bytes, { mtime }]
  return Uint8Array.from(zipSync(zipped))
}
