import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { workloadError } from '../errors.ts'
import type { Workload } from '../workload.ts'
import { importWorkload } from './import-workload.ts'
import { workloadBundle } from './workload-bundle.ts'

export interface BundledWorkload {
  /** Its file. */
  readonly module: URL
  /** What a worker thread imports to have the same workload, whatever becomes of the file. */
  readonly bundle: URL
}

export interface LoadedWorkload extends BundledWorkload {
  readonly workload: Workload
}

const fileNames = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `workload.${extension}`)

/**
 * Loads the workload in a folder, or in a module file, with the source files that it imports: TypeScript or JavaScript, ES
 * modules or CommonJS, alike on all versions of Node.
 *
 * @throws WORKLOAD_MISSING; WORKLOAD_BROKEN with file and line, and with the module's own error as cause; WORKLOAD_SHAPE with
 * each fault of the default export; WORKLOAD_BUNDLER.
 */
export async function loadWorkload(folderOrFile: string): Promise<LoadedWorkload> {
  const bundled = await bundleWorkload(folderOrFile)
  return { workload: await importWorkload(bundled.bundle), ...bundled }
}

/**
 * Reads a workload and the source files that it imports, and runs nothing of them. With `within`, a source file outside of
 * that folder is refused, but for those of packages: whoever wrote the workload may not be meant to read what is there.
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
