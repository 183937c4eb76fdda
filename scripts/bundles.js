// Bundles packages of which the product needs a small part into one file each, so that users don't install the packages' trees.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'

/** Each source re-exports the parts of a package that the product needs. The bundle replaces the compiled source. */
export const bundles = [
  { source: 'api/http/bundled-restify.ts', name: 'restify' },
  { source: 'runtime/durable/mongodb/bundled-driver.ts', name: 'mongodb' },
  { source: 'runtime/kernel/bundled-nact.ts', name: 'nact', isForPages: true },
  { source: 'runtime/link/mqtt/bundled-aedes.ts', name: 'aedes' },
  { source: 'runtime/link/mqtt/bundled-mqtt.ts', name: 'mqtt' },
  { source: 'sdk/random/bundled-cipher.ts', name: '@noble/ciphers', isForPages: true },
  { source: 'sdk/role/stock/vertical/bundled-curve.ts', name: '@noble/curves', isForPages: true },
]

/** CommonJS packages load Node's modules and optional packages by `require`. */
const banner = "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)"

const forNode = { platform: 'node', target: 'node20.19', banner: { js: banner } }

/** A page has substitutes for the modules and the functions of Node that the package needs. */
const forPages = {
  platform: 'browser',
  target: 'es2022',
  alias: {
    assert: './scripts/browser/assert.cjs',
    crypto: './scripts/browser/crypto.cjs',
    denque: './scripts/browser/queue.cjs',
  },
  inject: ['./scripts/browser/set-immediate.js'],
}

/**
 * Writes the bundles, with source maps, and returns the packages in them: folder, name, version, licence and the bundle's path.
 * Optional packages stay outside: a bundle finds those that the user has installed. The bundles aren't minified, so that a
 * stack names the package's own functions; esbuild puts a `_` or a digit to the names of some classes. `keepNames` would undo
 * that, and adds a quarter to the processor time of a request.
 */
export function writeBundles() {
  return bundles.flatMap(({ source, name, isForPages = false }) => {
    const { optionalDependencies, peerDependencies } = manifest(join('node_modules', name))
    const file = join('dist', source.replace(/ts$/, 'js'))
    const { metafile } = buildSync({
      entryPoints: [source],
      outfile: file,
      bundle: true,
      external: Object.keys({ ...optionalDependencies, ...peerDependencies }),
      ...(isForPages ? forPages : forNode),
      format: 'esm',
      sourcemap: true,
      sourcesContent: false,
      metafile: true,
      logLevel: 'warning',
    })
    const folders = Object.keys(metafile.inputs).flatMap(
      (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [],
    )
    return [...new Set(folders)].map((folder) => {
      const { name, version, license } = manifest(folder)
      return { folder, name, version, license, file }
    })
  })
}

/** Writes the licence of each bundled package, as the package itself has it. */
export function writeLicences(file, packages) {
  const head = 'The files bundled-*.js contain parts of these packages, under the licences below.\n'
  const texts = packages.map(
    ({ folder, name, version, license, file }) => `${name} ${version} (${license}), in ${file}\n\n${licenceOf(folder)}`,
  )
  const line = `\n${'-'.repeat(80)}\n`
  writeFileSync(file, [head, ...texts.toSorted().map((text) => `${text.trim()}\n`)].join(line))
}

/** The text of a package's licence: a file of its own, or a section of the README. */
function licenceOf(folder) {
  const textOf = (pattern) => {
    const file = readdirSync(folder).find((name) => pattern.test(name))
    return file && readFileSync(join(folder, file), 'utf8')
  }
  const [section] = /^#* *licen[cs]e *$.*?(?=^#|(?![\s\S]))/ims.exec(textOf(/^readme/i) ?? '') ?? []
  const text = textOf(/^licen[cs]e/i) ?? section
  if (!text) throw new Error(`the bundled package ${folder} has no text of its licence: bundle another package`)
  return text
}

function manifest(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}
