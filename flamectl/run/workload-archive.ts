import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Zippable, zipSync } from 'fflate'
import { flamectlError } from '../errors.ts'

const source = /\.([cm]?[jt]s|json|wasm)$/
const notSource = /^(\.|node_modules$|data$|dist$)/
const isWorkload = /^workload\.(ts|js|mjs)$/
const mostFiles = 1000
const mostBytes = 8 * 1024 * 1024
/** The same files make the same archive, whenever and wherever it's made: an archive's times are local ones. */
const mtime = new Date(2000, 0, 1)

/**
 * A zip with the source files beside a workload's module, in a folder for each role: every role needs the whole workload.
 * Folders of data, of libraries and hidden ones are left out. RUN_CODE_SIZE if there are too many.
 */
export async function workloadArchive(module: URL, roles: readonly string[]): Promise<Uint8Array> {
  const file = fileURLToPath(module)
  const folder = dirname(file)
  const files = new Map<string, Uint8Array>()
  let sizeBytes = 0
  for await (const path of sourcesIn(folder, '')) {
    sizeBytes += (await stat(join(folder, path))).size
    if (sizeBytes > mostBytes || files.size === mostFiles)
      throw flamectlError('RUN_CODE_SIZE', { folder, files: mostFiles, megabytes: mostBytes / 1024 / 1024 })
    files.set(path, await readFile(join(folder, path)))
  }
  const name = basename(file)
  if (!isWorkload.test(name))
    files.set('workload.mjs', new TextEncoder().encode(`export { default } from './${name}'\n`))
  const zipped: Zippable = {}
  for (const role of roles) for (const [path, bytes] of files) zipped[`${role}/${path}`] = [bytes, { mtime }]
  return zipSync(zipped)
}

/** Paths in a folder, in the same order on every machine. */
async function* sourcesIn(folder: string, within: string): AsyncGenerator<string, void, void> {
  const entries = await readdir(join(folder, within), { withFileTypes: true })
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (notSource.test(entry.name)) continue
    const path = within === '' ? entry.name : `${within}/${entry.name}`
    if (entry.isDirectory()) yield* sourcesIn(folder, path)
    else if (entry.isFile() && source.test(entry.name)) yield path
  }
}
