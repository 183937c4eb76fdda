import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { layersError } from './errors.ts'
import type { TensorFlow } from './tensorflow.ts'

export interface NativeTensorFlowPlace {
  /**
   * The folder of a build. Default: `.native` in the folder `from` or in one above; else the package
   * `@tensorflow/tfjs-node`, as a module in `from` resolves it.
   */
  readonly folder?: string
  /** Default: the current folder. */
  readonly from?: string
}

/**
 * Loads TensorFlow.js with its native backend: a build by `npm run native` in a clone of flame-fl, or the installed
 * package `@tensorflow/tfjs-node`. Undefined without either.
 *
 * Its results may differ in their last bits between machines, and with the number of threads.
 *
 * @throws LEARN_NATIVE when a build doesn't load.
 */
export async function nativeTensorFlow({
  folder,
  from = process.cwd(),
}: NativeTensorFlowPlace = {}): Promise<TensorFlow | undefined> {
  for (const place of folder === undefined ? nativeFolders(resolve(from)) : [resolve(folder)]) {
    const module = await builtModule(place)
    if (module !== undefined) return load(module)
  }
  const module = folder === undefined ? installedModule(resolve(from)) : undefined
  return module === undefined ? undefined : load(module)
}

function nativeFolders(from: string): string[] {
  const above = dirname(from)
  return [join(from, '.native'), ...(above === from ? [] : nativeFolders(above))]
}

/** The module of an installed package. */
function installedModule(from: string): string | undefined {
  try {
    return createRequire(join(from, 'index.js')).resolve('@tensorflow/tfjs-node')
  } catch {
    return undefined
  }
}

/** The module that the build's record names. The record is written last, so an interrupted build isn't found. */
async function builtModule(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'built.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const { module }: { readonly module?: unknown } = JSON.parse(text)
    return join(folder, String(module))
  } catch (cause) {
    throw layersError('LEARN_NATIVE', { folder, reason: 'its record built.json is damaged' }, { cause })
  }
}

function load(module: string): TensorFlow {
  const require = createRequire(import.meta.url)
  restoreRemovedUtility(require('node:util'))
  try {
    const tf: unknown = require(module)
    if (!isTensorFlow(tf)) throw new TypeError(`${module} is no TensorFlow.js`)
    tf.enableProdMode()
    return tf
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw layersError('LEARN_NATIVE', { folder: module, reason }, { cause })
  }
}

/** tfjs-node 4.22 calls a function of node:util that Node 23 has removed. */
function restoreRemovedUtility(util: object): void {
  if (!('isNullOrUndefined' in util)) {
    Reflect.set(util, 'isNullOrUndefined', (value: unknown) => value === null || value === undefined)
  }
}

function isTensorFlow(value: unknown): value is TensorFlow {
  return typeof value === 'object' && value !== null && 'getBackend' in value && 'layers' in value
}
