import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { resolve } from 'import-meta-resolve'
import { workloadError } from '../errors.ts'

/** `import.meta` for a workload's source file inside a bundle. */
export function importMetaOf(filename: string): object {
  return {
    url: pathToFileURL(filename).href,
    filename,
    dirname: dirname(filename),
    resolve: (specifier: string) => resolveFor(specifier, filename),
  }
}

/**
 * Resolves an import in a source file to a URL, by Node's rules for this file. `flame-fl/…` resolves to the running
 * installation from any file.
 *
 * @throws WORKLOAD_PACKAGE if the package isn't installed, WORKLOAD_PART if the package doesn't export the specifier.
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

/** Makes the error for an import of a package that can't be resolved. */
export function unresolved(specifier: string, filename: string, cause: unknown): Error {
  const name = /^(@[^/]+\/)?[^/]*/.exec(specifier)?.[0] ?? specifier
  const folders = createRequire(filename).resolve.paths(name) ?? []
  const isInstalled =
    name === 'flame-fl' || /^[.#]/.test(name) || folders.some((folder) => existsSync(join(folder, name)))
  const values = { specifier, name, file: filename, folder: projectOf(dirname(filename)) }
  return workloadError(isInstalled ? 'WORKLOAD_PART' : 'WORKLOAD_PACKAGE', values, { cause })
}

/** The folder in which to install a package for files of `folder`: outside of any installed package. */
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
