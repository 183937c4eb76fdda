import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { filesIn, zipOf } from '../files/folder-archive.ts'

const source = /\.([cm]?[jt]s|json|wasm)$/
const isWorkload = /^workload\.[cm]?[jt]s$/
const isSource = (name: string, isFolder: boolean) =>
  isFolder ? name !== 'data' && name !== 'dist' : source.test(name)

/** More is no source of a workload. */
const most = { files: 1000, megabytes: 8 }

/**
 * A zip with the source files beside a workload's module, in a folder for each role: every role needs the whole workload.
 * Folders of data, of libraries and hidden ones are left out. CODE_SIZE if there are too many.
 */
export async function workloadArchive(module: URL, roles: readonly string[]): Promise<Uint8Array> {
  const file = fileURLToPath(module)
  const files = [...(await filesIn(dirname(file), { most, strayLinks: 'leave out', isKept: isSource }))]
  const name = basename(file)
  if (!isWorkload.test(name))
    files.push(['workload.mjs', new TextEncoder().encode(`export { default } from './${name}'\n`)])
  return zipOf(roles.flatMap((role) => files.map(([path, bytes]) => [`${role}/${path}`, bytes] as const)))
}
