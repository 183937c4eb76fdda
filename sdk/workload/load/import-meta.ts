import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { resolve } from 'import-meta-resolve'
import { workloadError } from '../errors.ts'

/** `import.meta` of a workload's source file, which runs as a part of a bundle. */
export function importMetaOf(filename: string): object {
  return {
    url: pathToFileURL(filename).href,
    filename,
    dirname: dirname(filename),
    resolve: (specifier: string) => resolveFor(specifier, filename),
  }
}

/**
 * The URL that an import in a source file means, by Node's rules from that file; but `flame-fl/…` is the running
 * installation, wherever the file lies.
 *
 * @throws WORKLOAD_PACKAGE if the package isn't installed, WORKLOAD_PART if the package has no such part.
 */
export function resolveFor(specifier: string, filename: string): string {
  try {
    return /^flame-fl(\/|$)/.test(specifier)
      ? import.meta.resolve(specifier)
      : resolve(specifier, pathToFileURL(filename).href)
  } catch (cause) {
    throw unresolved(specifier, filename, cause)
  }
}

/** The error that says why an import of a package can't be resolved. */
export function unresolved(specifier: string, filename: string, cause: unknown): Error {
  const name = /^(@[^/]+\/)?[^/]*/.exec(specifier)?.[0] ?? specifier
  const folders = createRequire(filename).resolve.paths(name) ?? []
  const isInstalled =
    name === 'flame-fl' || /^[.#]/.test(name) || folders.some((folder) => existsSync(join(folder, name)))
  const values = { specifier, name, file: filename, folder: projectOf(dirname(filename)) }
  return workloadError(isInstalled ? 'WORKLOAD_PART' : 'WORKLOAD_PACKAGE', values, { cause })
}

/** Where a person may install what a file of this folder imports: not within an installed package, but where that is installed. */
function projectOf(folder: string): string {
  const at = `${folder}${sep}`.indexOf(`${sep}node_modules${sep}`)
  return at <= 0 ? folder : folder.slice(0, at)
}

/** The folder of this package. */
export function installation(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}
