import { readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import * as door from 'flame-fl/sdk'
import { CodedError } from '../runtime/errors/coded-error.ts'
import { HeldDelta } from '../sdk/sum/accumulator.ts'

const dist = fileURLToPath(new URL('../', import.meta.url))
const folders = ['runtime', 'sdk', 'actors', 'api', 'flamelet', 'simulations', 'flamectl']
const paths = (folder: string) =>
  readdirSync(resolve(dist, folder), { recursive: true, encoding: 'utf8' }).map((name) => resolve(dist, folder, name))

/** What a built file imports when it is loaded, itself included: files by path in dist, packages by name. */
function loadedBy(file: string, loaded = new Set<string>()): ReadonlySet<string> {
  const name = relative(dist, file).split(sep).join('/')
  if (loaded.has(name)) return loaded
  loaded.add(name)
  for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*["']([^"']+)["'];?$/gm,
  ))
    if (specifier.startsWith('.')) loadedBy(resolve(dirname(file), specifier), loaded)
    else loaded.add(specifier)
  return loaded
}

test('each module of the product lies in one chunk, and its own file holds no code', (t) => {
  const chunkOf = new Map<string, string>()
  for (const file of paths('chunks').filter((path) => path.endsWith('.map'))) {
    const { sources }: { readonly sources: readonly string[] } = JSON.parse(readFileSync(file, 'utf8'))
    for (const source of new Set(sources.map((source) => resolve(dirname(file), source)))) {
      t.is(chunkOf.get(source), undefined, source)
      chunkOf.set(source, file)
    }
  }
  t.true(chunkOf.size > 500)
  const own = folders.flatMap(paths).filter((path) => /(?<!\.test|\.contract)\.js$/.test(path))
  for (const file of own.filter((path) => !/[\\/](contract[\\/]|bundled-)/.test(path)))
    t.notRegex(readFileSync(file, 'utf8'), /\b(function|class|const|let|var)\b/, file)
})

test('a class is the same by the door of the package and by the file of its module', (t) => {
  t.is(door.HeldDelta, HeldDelta)
  const thrown = t.throws(() => door.requireChoices({ none: {} }))
  t.true(thrown instanceof CodedError)
})

test('the door of the sdk loads no module of Node, and flamectl loads the models of the API when a command needs them', (t) => {
  const sdk = [...loadedBy(resolve(dist, 'sdk/index.js'))]
  t.true(sdk.includes('pure-rand/generator/xoroshiro128plus'))
  t.deepEqual(
    sdk.filter((name) => name.startsWith('node:') || name === 'zod'),
    [],
  )
  const program = loadedBy(resolve(dist, 'flamectl/main.js'))
  t.true(program.has('commander'))
  for (const name of ['zod', 'yaml', 'fflate', 'cli-table3', 'esbuild', 'jose']) t.false(program.has(name), name)
})
