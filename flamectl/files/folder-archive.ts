import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { type Zippable, zipSync } from 'fflate'
import { flamectlError } from '../errors.ts'

const neverPacked = /^(\.|node_modules$)/
/** The same files make the same archive, whenever and wherever it's made: an archive's times are local ones. */
const mtime = new Date(2000, 0, 1)

/** What is in a folder, by paths with slashes, in the same order on every machine. */
export type FolderFiles = ReadonlyMap<string, Uint8Array>

export interface FolderOptions {
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
