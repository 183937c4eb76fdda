import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { workloadError } from '../workload/errors.ts'
import { isWorkload, workloadFaults } from '../workload/faults.ts'
import type { Workload } from '../workload/workload.ts'

export interface LoadedWorkload {
  readonly workload: Workload
  /** What a worker thread loads to have the same workload. */
  readonly module: URL
}

const fileNames = ['workload.ts', 'workload.js', 'workload.mjs']

/**
 * Loads the workload in a folder, or in a module file. TypeScript is loaded as it is.
 *
 * @throws WORKLOAD_MISSING, WORKLOAD_BROKEN with the module's own error as cause, WORKLOAD_SHAPE with each fault.
 */
export async function loadWorkload(folderOrFile: string): Promise<LoadedWorkload> {
  const module = pathToFileURL(await findModule(resolve(folderOrFile)))
  return { workload: await importWorkload(module), module }
}

/** @throws WORKLOAD_BROKEN, WORKLOAD_SHAPE */
export async function importWorkload(module: URL): Promise<Workload> {
  const file = fileURLToPath(module)
  const exported = await importDefault(module).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw workloadError('WORKLOAD_BROKEN', { file, reason }, { cause })
  })
  if (isWorkload(exported)) return exported
  throw workloadError('WORKLOAD_SHAPE', { file, faults: workloadFaults(exported).join('; ') })
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

async function importDefault(module: URL): Promise<unknown> {
  if (/\.[cm]?ts$/.test(module.pathname)) await loadTypeScript()
  const namespace: { readonly default?: unknown } = await import(module.href)
  const exported = namespace.default
  // A TypeScript file in a folder without "type": "module" is loaded as CommonJS, whose exports are the default.
  const nested = typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported
  return nested ? exported.default : exported
}

let typeScript: Promise<void> | undefined

/**
 * Registers tsx for this thread's imports, once: for ES modules, and for CommonJS, as which Node takes a `.ts` file in a
 * folder without "type": "module". Registering, unlike tsx's import function, keeps one instance of each module, so that
 * errors and classes are the same on both sides.
 */
function loadTypeScript(): Promise<void> {
  if (Reflect.get(process.features, 'typescript')) return Promise.resolve()
  typeScript ??= registerTsx()
  return typeScript
}

async function registerTsx(): Promise<void> {
  const [modules, commonJs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')])
  const register = () => {
    const unregister = commonJs.register()
    pauseCommonJs = () => {
      pauseCommonJs = undefined
      unregister()
      return register
    }
  }
  register()
  modules.register()
}

let pauseCommonJs: (() => () => void) | undefined

/** Imports what holds no TypeScript, and many modules of CommonJS: through tsx, they would take twice as long to load. */
export async function importPlain<Module>(load: () => Promise<Module>): Promise<Module> {
  const resume = pauseCommonJs?.()
  try {
    return await load()
  } finally {
    resume?.()
  }
}
