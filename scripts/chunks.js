// Joins the product's modules into a few files, since every file of a program adds about half a millisecond to its start.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { rolldown } from 'rolldown'
import { parseAst } from 'rolldown/parseAst'

const folders = ['runtime', 'sdk', 'actors', 'api', 'flamelet', 'simulations', 'flamectl']

/** Folder of the chunks. Its files are as deep as those of a folder of the product. */
export const chunksFolder = 'chunks'

/**
 * Replaces the compiled files of the product: chunks hold the modules, and each module's own file re-exports from its chunk,
 * so that a class exists once, whichever file is imported. Modules that the same doors need lie in the same chunk: a door
 * loads no module that it doesn't need, and few files.
 */
export async function writeChunks() {
  const modules = new Set(productModules())
  const doors = new Set(packageDoors().filter((path) => modules.has(path)))
  const bundle = await rolldown({
    input: Object.fromEntries([...modules].map((path) => [path, `./${path}.ts`])),
    // Node's platform would bring `require` into chunks, which pages load, too.
    platform: 'neutral',
    tsconfig: false,
    transform: { target: 'es2023' },
    preserveEntrySignatures: 'allow-extension',
    // As package.json says of the product, and as packages mustn't be taken for.
    treeshake: { moduleSideEffects: [{ external: false, sideEffects: false }] },
    checks: { ineffectiveDynamicImport: false, bundlerTimings: false },
    plugins: [outside(), placed(modules, doors), pure(modules, programs(modules))],
  })
  const options = {
    dir: 'dist',
    format: 'es',
    // A text with one character beyond Latin-1 takes two bytes for each character, in memory.
    charset: 'ascii',
    entryFileNames: '[name].js',
    chunkFileNames: `${chunksFolder}/[name]-[hash].js`,
    minifyInternalExports: false,
    sourcemap: true,
    sourcemapExcludeSources: true,
    comments: { legal: true, annotation: true, jsdoc: false },
  }
  const { output: apart } = await bundle.generate(options)
  const groups = groupsOf(apart, doors)
  const { output } = await bundle.generate({
    ...options,
    codeSplitting: { groups, includeDependenciesRecursively: false },
  })
  await bundle.close()
  write(output)
}

/** Writes what has changed, and removes the chunks of an earlier build. */
function write(output) {
  const kept = new Set(output.map(({ fileName }) => posix.basename(fileName)))
  for (const { fileName, code, source } of output) {
    const file = join('dist', fileName)
    const text = code ?? source
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const folder = join('dist', chunksFolder)
  for (const name of readdirSync(folder)) if (!kept.has(name)) rmSync(join(folder, name))
}

/** Paths of the product's modules, without extension: neither tests nor bundles of packages. */
function productModules() {
  return folders
    .flatMap((folder) =>
      existsSync(folder) ? readdirSync(folder, { recursive: true }).map((path) => join(folder, path)) : [],
    )
    .map((path) => path.split(sep).join('/'))
    .filter((path) => path.endsWith('.ts') && !/\.(test|contract|d)\.ts$|\/(contract|assembly)\/|\/bundled-/.test(path))
    .map((path) => path.slice(0, -3))
}

const address = /new URL\('(.+?)', import\.meta\.url\)/g

/** The modules that are programs, or threads, of their own: those that package.json names, and those at addresses. */
function programs(modules) {
  const { bin } = JSON.parse(readFileSync('package.json', 'utf8'))
  const named = Object.values(bin).map((file) => file.replace(/^\.\/dist\/|\.js$/g, ''))
  const addressed = [...modules].flatMap((path) =>
    [...readFileSync(`${path}.ts`, 'utf8').matchAll(address)].map(([, file]) =>
      posix.join(posix.dirname(path), file).replace(/\.js$/, ''),
    ),
  )
  return new Set([...named, ...addressed])
}

/** The modules that package.json names. */
function packageDoors() {
  const { exports, bin, imports } = JSON.parse(readFileSync('package.json', 'utf8'))
  const targets = [exports, bin, imports].flatMap(Object.values)
  return targets
    .flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)))
    .flatMap((target) => /^\.\/dist\/(.+)(?<!\.d)\.[jt]s$/.exec(target)?.[1] ?? [])
}

const pathOf = (id) => relative(process.cwd(), id).split(sep).join('/').replace(/\.ts$/, '')

/** Packages, and bundles of packages, stay outside. */
const outside = () => ({
  name: 'outside',
  resolveId(specifier, importer) {
    if (!importer || specifier.startsWith('@oxc-project/runtime/')) return
    if (/^[^./]/.test(specifier)) return { id: specifier, external: true }
    if (!/\/bundled-[^/]+$/.test(specifier)) return
    const path = posix.join(posix.dirname(pathOf(importer)), specifier)
    return { id: `../${path.replace(/\.ts$/, '.js')}`, external: 'absolute' }
  },
})

/** Addresses that are relative to a module's file are made relative to its chunk. Programs and threads begin at them. */
const placed = (modules, doors) => ({
  name: 'placed',
  transform(code, id) {
    const path = pathOf(id)
    if (!modules.has(path) || !code.includes('import.meta')) return
    const target = (file) => {
      const found = posix.join(posix.dirname(path), file)
      const module = found.replace(/\.js$/, '')
      if (modules.has(module)) doors.add(module)
      return `../${found}`
    }
    const text = code
      .replace(/import\.meta\.resolve\('(\..+?)'\)/g, (_, file) => `import.meta.resolve('${target(file)}')`)
      .replace(address, (_, file) => `new URL('${target(file)}', import.meta.url)`)
      .replace(/\(import\.meta\.url\)/g, `(new URL('../${path}.js', import.meta.url).href)`)
    // Lines stay; only columns behind an address move.
    return { code: text, map: null }
  },
})

/**
 * Marks what a module calls when it is loaded as free of effects, which package.json says of all modules: a page's bundler
 * then leaves out what the page doesn't use of a chunk. A program is its effects, and stays as it is.
 */
const pure = (modules, programs) => ({
  name: 'pure',
  transform(code, id) {
    const path = pathOf(id)
    if (!modules.has(path) || programs.has(path)) return
    const calls = parseAst(code, { lang: 'ts' }, id).body.flatMap((statement) =>
      ((statement.declaration ?? statement).declarations ?? []).flatMap(({ init }) => callsIn(init)),
    )
    const text = calls
      .toSorted((a, b) => b - a)
      .reduce((text, at) => `${text.slice(0, at)}/* @__PURE__ */ ${text.slice(at)}`, code)
    return { code: text, map: null }
  },
})

/** Where calls begin in an expression, but for those in functions. */
function callsIn(node) {
  if (Array.isArray(node)) return node.flatMap(callsIn)
  if (typeof node !== 'object' || node === null || /Function|Class/.test(node.type)) return []
  const isCall = node.type === 'CallExpression' || node.type === 'NewExpression'
  return [...new Set([...(isCall ? [node.start] : []), ...Object.values(node).flatMap(callsIn)])]
}

/** One group for the modules of each set of doors. A door is also a module that is imported late. */
function groupsOf(apart, doors) {
  const files = new Map(apart.filter(({ type }) => type === 'chunk').map((chunk) => [chunk.fileName, chunk]))
  const late = [...files.values()].flatMap(({ dynamicImports }) => dynamicImports)
  const starts = new Set([...[...doors].map((path) => `${path}.js`), ...late].filter((file) => files.has(file)))
  const doorsOf = new Map([...files.values()].flatMap(({ moduleIds }) => moduleIds.map((id) => [id, []])))
  for (const start of starts) {
    const reached = new Set([start])
    for (const file of reached) for (const next of files.get(file).imports) if (files.has(next)) reached.add(next)
    for (const file of reached) for (const id of files.get(file).moduleIds) doorsOf.get(id).push(start)
  }
  const groups = new Map()
  for (const [id, found] of doorsOf) {
    if (id.startsWith('\0')) continue
    const key = found.join(' ')
    groups.set(key, [...(groups.get(key) ?? []), id])
  }
  const names = new Map()
  for (const [index, ids] of [...groups.values()].entries())
    for (const id of ids) names.set(id, `${pathOf(ids[0]).split('/')[0]}-${index + 1}`)
  return [{ debugName: 'doors', name: (id) => names.get(id) }]
}
