import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { workloadError } from '../errors.ts'
import type { Workload } from '../workload.ts'
import { importWorkload } from './import-workload.ts'
import { workloadBundle } from './workload-bundle.ts'

export interface BundledWorkload {
  /** The workload's file. */
  readonly module: URL
  /** Worker threads import this bundle to have the same workload, even if the file changes. */
  readonly bundle: URL
}

export interface LoadedWorkload extends BundledWorkload {
  readonly workload: Workload
}

const fileNames = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `workload.${extension}`)

/**
 * Loads the workload in a folder, or in a module file, with the source files that it imports: TypeScript or JavaScript,
 * ES modules or CommonJS, with the same result on all versions of Node.
 *
 * @throws WORKLOAD_MISSING; WORKLOAD_BROKEN with file and line, and with the module's own error as cause;
 *   WORKLOAD_SHAPE with each fault of the default export; WORKLOAD_BUNDLER.
 */
export async function loadWorkload(folderOrFile: string): Promise<LoadedWorkload> {
  const bundled = await bundleWorkload(folderOrFile)
  return { workload: await importWorkload(bundled.bundle), ...bundled }
}

/**
 * Bundles a workload with the source files that it imports, without running them. With `within`, source files outside
 * of this folder are refused, except those of packages: a workload's author may have no right to read them.
 *
 * @throws WORKLOAD_MISSING, WORKLOAD_BROKEN, WORKLOAD_BUNDLER, as `loadWorkload`.
 */
export async function bundleWorkload(
  folderOrFile: string,
  options: { readonly within?: string } = {},
): Promise<BundledWorkload> {
  const file = await findModule(resolve(folderOrFile))
  return { module: pathToFileURL(file), bundle: await workloadBundle(file, options) }
}

async function findModule(path: string): Promise<string> {
  const found = await kindOf(path)
  if (found === 'file') return path
  if (found === 'nothing') {
    throw workloadError('WORKLOAD_MISSING', { path, expected: 'no such folder or file' })
  }
  for (const name of fileNames) {
    const file = join(path, name)
    if ((await kindOf(file)) === 'file') return file
  }
  throw workloadError('WORKLOAD_MISSING', { path, expected: `the folder has none of ${fileNames.join(', ')}` })
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'nothing'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch {
    return 'nothing'
  }
}
