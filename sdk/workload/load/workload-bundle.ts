import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, extname, isAbsolute, join, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { BuildOptions, Loader, OnResolveArgs, OnResolveResult, PartialMessage, Plugin } from 'esbuild'
import { CodedError } from '../../../runtime/index.ts'
import { workloadError } from '../errors.ts'
import { bundled } from './bundler.ts'
import { installation, resolveFor, unresolved } from './import-meta.ts'

/** A name that no source uses. */
const metaName = '__flameImportMeta'

const options: BuildOptions = {
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  // The oldest version that this package supports, so that a workload is the same program on all versions.
  target: 'node20.19',
  charset: 'utf8',
  keepNames: true,
  // A package.json may claim that its modules have no side effects, but means applications that import the package.
  ignoreAnnotations: true,
  resolveExtensions: ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json'],
  define: {
    'import.meta': metaName,
    __filename: `${metaName}.filename`,
    __dirname: `${metaName}.dirname`,
  },
  sourcemap: 'external',
  sourcesContent: false,
  logLevel: 'silent',
  logLimit: 0,
}

/**
 * Bundles a workload's module with all source files that it imports into one ES module in a `data:` URL, which every
 * version of Node and every thread loads alike. Packages stay outside the bundle: it imports them by URL, resolved for
 * the source file, and `flame-fl/…` from this installation.
 *
 * @throws WORKLOAD_BROKEN with file and line of each fault, WORKLOAD_BUNDLER if esbuild can't be run.
 */
export async function workloadBundle(file: string, { within }: { readonly within?: string } = {}): Promise<URL> {
  const folder = dirname(file)
  const entry = { entryPoints: [file], absWorkingDir: folder, outfile: join(folder, 'bundle.mjs') }
  const result = await bundled(
    ({ build }) => build({ ...options, ...entry, plugins: [sourcesWithin(within)] }),
    (cause) => !isBuildFailure(cause),
  ).catch((cause: unknown) => {
    if (!isBuildFailure(cause)) throw workloadError('WORKLOAD_BUNDLER', { reason: messageOf(cause) }, { cause })
    const reason = cause.errors.map(faultOf).join('; ')
    throw workloadError('WORKLOAD_BROKEN', { file, reason }, { cause })
  })
  const [map, code] = (result.outputFiles ?? []).map(({ text }) => text)
  return moduleOf(file, code ?? '', map ?? '{}')
}

/** The bundle, with the required imports at its head and its map at its end. */
function moduleOf(file: string, code: string, mapText: string): URL {
  const head = [
    ...(code.includes(metaName)
      ? [`import { importMetaOf as ${metaName}Of } from ${JSON.stringify(import.meta.resolve('./import-meta.js'))};`]
      : []),
    // esbuild renames a top-level `require` of the sources in this case.
    ...(code.includes('var __require =')
      ? [
          `import { createRequire as ${metaName}Require } from 'node:module';`,
          `const require = ${metaName}Require(${JSON.stringify(pathToFileURL(file).href)});`,
        ]
      : []),
  ]
  const map: { readonly sources: readonly string[]; readonly mappings: string } = JSON.parse(mapText)
  const sourceUrl = (source: string) => pathToFileURL(resolve(dirname(file), source)).href
  const shifted = JSON.stringify({
    ...map,
    file: pathToFileURL(file).href,
    sources: map.sources.map(sourceUrl),
    mappings: `${';'.repeat(head.length)}${map.mappings}`,
  })
  const program = [...head, code].join('\n')
  const name = createHash('sha256').update(program).digest('hex').slice(0, 16)
  const text = `${program}//# sourceURL=bundle:${name}\n//# sourceMappingURL=data:application/json;base64,${base64(shifted)}\n`
  return new URL(`data:text/javascript;base64,${base64(text)}`)
}

/** Marks requests of `sourcesWithin` to esbuild. */
const bySource = Symbol('by source')

/**
 * Decides which imports are the workload's own source files, and gives each of them its own `import.meta`. With a
 * folder, source files outside are refused, except those of packages.
 */
const sourcesWithin = (folder: string | undefined): Plugin => ({
  name: 'sources',
  setup(build) {
    const built = join(installation(), 'dist') + sep
    const isOutside = (path: string) =>
      folder !== undefined && !path.startsWith(folder + sep) && !path.startsWith(built)
    const refused = (path: string) => ({
      errors: [{ text: `${path} lies outside of ${folder}, and no package imports this file` }],
    })
    build.onResolve({ filter: /.*/ }, async (args) => {
      if (args.kind === 'entry-point' || args.pluginData === bySource) return undefined
      if (args.namespace === 'native' || isBuiltin(args.path) || /^(data|https?):/.test(args.path))
        return { path: args.path, external: true }
      const sourceAt = (path: string) =>
        build.resolve(path, {
          kind: args.kind,
          importer: args.importer,
          resolveDir: args.resolveDir,
          with: args.with,
          pluginData: bySource,
        })
      if (/^(\.{1,2}(\/|$)|file:)/.test(args.path) || isAbsolute(args.path)) {
        const found = await sourceAt(args.path.startsWith('file:') ? fileURLToPath(args.path) : args.path)
        if (found.errors.length > 0) return found
        if (isOutside(found.path) && !isInPackage(args.importer)) return refused(found.path)
        return found.path.startsWith(built) || found.path.endsWith('.node') ? outside(found.path, args) : found
      }
      try {
        const path = packageFile(args)
        if (isOutside(path) && !isInPackage(path)) return refused(path)
        const isSource = /\.([cm]?tsx?|json)$/.test(path) || (args.path.startsWith('#') && !isInPackage(path))
        return isSource ? { path } : outside(path, args)
      } catch (cause) {
        // A name that tsconfig.json maps to sources.
        const found = await sourceAt(args.path)
        if (found.errors.length === 0 && isOutside(found.path)) return refused(found.path)
        if (found.errors.length === 0 && !isInPackage(found.path)) return found
        return {
          errors: [{ text: cause instanceof CodedError ? `${cause.message}: ${cause.hint}` : messageOf(cause) }],
        }
      }
    })
    build.onLoad({ filter: /.*/, namespace: 'native' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }))
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const loader = loaders[extname(path)] ?? 'js'
      if (!/\bimport\s*\.\s*meta\b|\b__(dirname|filename)\b/.test(text)) return { contents: text, loader }
      // On the first line, so that line numbers stay the same.
      const meta = `const ${metaName} = ${metaName}Of(${JSON.stringify(path)});`
      return { contents: meta + text.replace(/^\uFEFF?#!.*/, ''), loader }
    })
  },
})

const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
}

/** The file of a package that an import resolves to. */
function packageFile({ path, importer, kind }: OnResolveArgs): string {
  if (kind.startsWith('require') && !/^flame-fl(\/|$)/.test(path)) {
    try {
      return createRequire(importer).resolve(path)
    } catch (cause) {
      throw unresolved(path, importer, cause)
    }
  }
  const file = fileURLToPath(resolveFor(path, importer))
  if (!existsSync(file)) throw unresolved(path, importer, undefined)
  return file
}

/**
 * A file that Node loads, once for all importers. CommonJS is loaded by require, since its exports are known only after
 * it has run: so each export can be imported by name.
 */
function outside(path: string, { kind }: OnResolveArgs): OnResolveResult {
  if (kind.startsWith('require')) return { path, external: true }
  if (isCommonJs(path)) return { path, namespace: 'native' }
  return { path: pathToFileURL(path).href, external: true }
}

function isCommonJs(file: string): boolean {
  const extension = extname(file)
  if (extension !== '.js') return extension === '.cjs' || extension === '.node' || extension === ''
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const packageJson = join(folder, 'package.json')
    if (existsSync(packageJson)) return JSON.parse(readFileSync(packageJson, 'utf8')).type !== 'module'
    if (folder === dirname(folder)) return true
  }
}

function isInPackage(path: string): boolean {
  return path.includes(`${sep}node_modules${sep}`)
}

function isBuildFailure(cause: unknown): cause is { readonly errors: readonly PartialMessage[] } {
  return cause instanceof Error && 'errors' in cause && Array.isArray(cause.errors)
}

function faultOf({ location, text }: PartialMessage): string {
  return location ? `${location.file}:${location.line}: ${text}` : (text ?? '')
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
