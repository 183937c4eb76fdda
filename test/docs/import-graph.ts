import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'

/**
 * Whether a file imports another: itself, or by names that an index passes on. Paths are those of sources, from the project's
 * folder. A file that is started as a worker or a process by its URL counts as imported.
 */
export function importsFile(from: string, target: string): boolean {
  return importsOf(from).some(({ path, names }) =>
    isIndex(path) ? names.some((name) => exporterOf(path, name) === target) : path === target,
  )
}

interface Import {
  readonly path: string
  /** As the imported file calls them; `*` for all. */
  readonly names: readonly string[]
}

const known = new Map<string, readonly Import[]>()

function importsOf(file: string): readonly Import[] {
  const found = known.get(file) ?? readImports(file)
  known.set(file, found)
  return found
}

function readImports(file: string): readonly Import[] {
  if (!existsSync(file)) return []
  const source = readFileSync(file, 'utf8')
  const statements = source.matchAll(
    /^(?:import|export)\s+(?:type\s+)?(\{[^}]*\}|\*(?: as \w+)?)\s+from\s+'(\.[^']+)'/gm,
  )
  const imports = [...statements].map(([, clause = '', path = '']) => ({ path, names: namesOf(clause) }))
  const others = source.matchAll(/(?:import\(|new URL\()'(\.[^']+)'/g)
  for (const [, path = ''] of others) imports.push({ path: path.replace(/\.js$/, '.ts'), names: ['*'] })
  return imports.map(({ path, names }) => ({ path: normalize(join(dirname(file), path)), names }))
}

/** `{ type A, b as c }` imports A and b. */
function namesOf(clause: string): readonly string[] {
  if (clause.startsWith('*')) return ['*']
  const parts = clause.slice(1, -1).split(',')
  return parts
    .map((part) =>
      part
        .trim()
        .replace(/^type\s+/, '')
        .replace(/\s+as\s+.*$/, ''),
    )
    .filter((name) => name !== '')
}

/** The file that declares a name which an index passes on. */
function exporterOf(index: string, name: string): string | undefined {
  for (const { path, names } of importsOf(index)) {
    if (!names.includes(name) && !names.includes('*')) continue
    const found = isIndex(path) ? exporterOf(path, name) : declares(path, name) ? path : undefined
    if (found !== undefined) return found
  }
  return undefined
}

function declares(file: string, name: string): boolean {
  if (!existsSync(file)) return false
  const declaration = String.raw`^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) ${name}\b`
  return new RegExp(declaration, 'm').test(readFileSync(file, 'utf8'))
}

function isIndex(path: string): boolean {
  return path.endsWith('/index.ts')
}
