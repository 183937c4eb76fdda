import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Zippable, zipSync } from 'fflate'
import { flamectlError } from '../errors.ts'

const neverPacked = /^(\.|node_modules$)/
const mostFiles = 1000
const mostBytes = 8 * 1024 * 1024
/** The same files make the same archive, whenever and wherever it's made: an archive's times are local ones. */
const mtime = new Date(2000, 0, 1)

/** What is in a folder, by paths with slashes, in the same order on every machine. */
export type FolderFiles = ReadonlyMap<string, Uint8Array>

/**
 * The files in a folder and its folders, but for those that are hidden, libraries, and what `isKept` doesn't want. CODE_SIZE if
 * there are too many for a design's code.
 */
export async function filesIn(
  folder: string,
  isKept: (name: string, isFolder: boolean) => boolean = () => true,
): Promise<FolderFiles> {
  const files = new Map<string, Uint8Array>()
  let sizeBytes = 0
  for await (const path of pathsIn('')) {
    sizeBytes += (await stat(join(folder, path))).size
    if (sizeBytes > mostBytes || files.size === mostFiles)
      throw flamectlError('CODE_SIZE', { folder, files: mostFiles, megabytes: mostBytes / 1024 / 1024 })
    files.set(path, await readFile(join(folder, path)))
  }
  return files

  async function* pathsIn(within: string): AsyncGenerator<string, void, void> {
    const entries = await readdir(join(folder, within), { withFileTypes: true })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const isFolder = entry.isDirectory()
      if (neverPacked.test(entry.name) || !isKept(entry.name, isFolder)) continue
      const path = within === '' ? entry.name : `${within}/${entry.name}`
      if (isFolder) yield* pathsIn(path)
      else if (entry.isFile()) yield path
    }
  }
}

/** A zip of files, with the same bytes for the same files. */
export function zipOf(files: Iterable<readonly [string, Uint8Array]>): Uint8Array<ArrayBuffer> {
  const zipped: Zippable = {}
  for (const [path, bytes] of files) zipped[path] = [bytes, { mtime }]
  return Uint8Array.from(zipSync(zipped))
}
