import { findSourceMap, SourceMap, type SourceMapPayload } from 'node:module'
import { dirname, isAbsolute, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { workloadError } from '../errors.ts'
import { isWorkload, workloadFaults } from '../faults.ts'
import type { Workload } from '../workload.ts'

/**
 * The bundles that this thread has imported, by name. A bundle's map is read when a stack first mentions the bundle.
 */
const bundles = new Map<string, { readonly program: string; map?: SourceMap }>()

/**
 * Imports a bundle from `workloadBundle`. Each thread has one module for the same bundle. Stacks of its errors name the
 * source files.
 *
 * @throws WORKLOAD_BROKEN with the module's own error as cause, WORKLOAD_SHAPE with each fault of its default export.
 */
export async function importWorkload(bundle: URL): Promise<Workload> {
  const program = programOf(bundle)
  const name = /^\/\/# sourceURL=(.*)$/m.exec(program)?.[1] ?? bundle.href
  if (!bundles.has(name)) bundles.set(name, { program })
  mapStacks()
  const file = () => fileURLToPath(mapOf(name)?.payload.file ?? bundle.href)
  const namespace: { readonly default?: unknown } = await import(bundle.href).catch((cause: unknown) => {
    const place = cause instanceof Error ? placeOf(cause, name) : ''
    const reason = `${place}${cause instanceof Error ? cause.message : String(cause)}`
    throw workloadError('WORKLOAD_BROKEN', { file: file(), reason }, { cause })
  })
  const exported = defaultOf(namespace.default)
  if (isWorkload(exported)) return exported
  throw workloadError('WORKLOAD_SHAPE', { file: file(), faults: workloadFaults(exported).join('; ') })
}

/** A CommonJS module that was compiled from an ES module has the default as an export. */
function defaultOf(exported: unknown): unknown {
  const isNested =
    typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported
  return isNested ? exported.default : exported
}

let areStacksMapped = false

/**
 * Maps this thread's stacks to the sources of bundles, and, if Node's source maps are enabled, of other files with a
 * map.
 */
function mapStacks(): void {
  if (areStacksMapped) return
  areStacksMapped = true
  const before = Error.prepareStackTrace
  Error.prepareStackTrace = (error, frames) => {
    const stack: unknown = before
      ? before(error, frames)
      : [Error.prototype.toString.call(error), ...frames.map((frame) => `    at ${frame}`)].join('\n')
    return typeof stack === 'string' ? mapped(stack) : stack
  }
}

function mapped(stack: string): string {
  return stack.replace(/((?:bundle|file):\S+?):(\d+):(\d+)/g, (place, name: string, line: string, column: string) => {
    const found = sourceOf(name, Number(line), Number(column))
    return found ? `${found.file}:${found.line}:${found.column}` : place
  })
}

/**
 * The file, relative to the bundle's folder, and the line where an error arose. Empty if the stack has no source of the
 * bundle.
 */
function placeOf({ stack = '' }: Error, bundle: string): string {
  const { file = '', sources = [] } = mapOf(bundle)?.payload ?? {}
  const told = (source: string, line: number | string) =>
    `${relative(dirname(fileURLToPath(file)), fileURLToPath(source))}:${line}: `
  // A linking fault has its location before the stack, which Node has mapped if source maps are enabled.
  const [, before = '', at = ''] = /^(.+):(\d+)$/m.exec(stack) ?? []
  const linked = before.startsWith('bundle:') && sourceOf(before, Number(at), 1)
  if (linked) return told(linked.file, linked.line)
  if (isAbsolute(before) && sources.includes(pathToFileURL(before).href)) return told(pathToFileURL(before).href, at)
  for (const [, source = '', line = ''] of stack.matchAll(/(file:\/\/\S+?):(\d+):\d+/g))
    if (sources.includes(source)) return told(source, line)
  return ''
}

function sourceOf(name: string, line: number, column: number) {
  const map = name.startsWith('bundle:') ? mapOf(name) : process.sourceMapsEnabled ? findSourceMap(name) : undefined
  const entry = map?.findEntry(line - 1, column - 1)
  if (!entry || !('originalSource' in entry)) return undefined
  return { file: entry.originalSource, line: entry.originalLine + 1, column: entry.originalColumn + 1 }
}

function mapOf(name: string): SourceMap | undefined {
  const bundle = bundles.get(name)
  if (!bundle || bundle.map) return bundle?.map
  const [, encoded] = /^\/\/# sourceMappingURL=data:application\/json;base64,(.*)$/m.exec(bundle.program) ?? []
  if (encoded === undefined) return undefined
  const payload: SourceMapPayload = JSON.parse(Buffer.from(encoded, 'base64').toString())
  bundle.map = new SourceMap(payload)
  return bundle.map
}

function programOf({ pathname }: URL): string {
  return Buffer.from(pathname.slice(pathname.indexOf(',') + 1), 'base64').toString()
}
