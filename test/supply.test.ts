import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const clone = fileURLToPath(new URL('../../', import.meta.url))
const jsonOf = (name: string): Record<string, unknown> => Object(JSON.parse(readFileSync(join(clone, name), 'utf8')))
const { dependencies, devDependencies, allowScripts } = jsonOf('package.json')
const locked = Object.entries(Object(jsonOf('package-lock.json').packages))
  .filter(([path]) => path !== '')
  .map(([path, entry]): Locked => ({ path, name: path.split('node_modules/').at(-1) ?? '', ...Object(entry) }))

interface Locked {
  readonly path: string
  readonly name: string
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
}

test('dependencies are named by exact versions, and all that they need by hash', (t) => {
  for (const [name, version] of Object.entries({ ...Object(dependencies), ...Object(devDependencies) }))
    t.regex(String(version), /^\d+\.\d+\.\d+$/, name)
  for (const { path, version, integrity, resolved = 'https://' } of locked) {
    t.regex(version ?? '', /^\d+\.\d+\.\d+/, path)
    t.regex(integrity ?? '', /^sha512-/, path)
    // Packages come from the registry: neither from git nor from a folder.
    t.regex(resolved, /^https:\/\//, path)
  }
})

test('what scripts install for tests is named by exact versions, with all that it needs', (t) => {
  const folder = join(clone, 'scripts/setup')
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt')))
    for (const line of readFileSync(join(folder, file), 'utf8').trim().split('\n'))
      t.regex(line, /^[\w.-]+==[\w.]+$/, file)
})

// test/package.test.ts shows that no install script is needed: it installs without them.
test('every install script of a dependency is known, and none is run where npm knows how to refuse it', (t) => {
  const names = locked.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name)
  t.deepEqual(allowScripts, Object.fromEntries([...new Set(names)].toSorted().map((name) => [name, false])))
})

const acceptable = new Set([
  ...['0BSD', 'Apache-2.0', 'Apache-2.0 AND MIT', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense'],
  '(AFL-2.1 OR BSD-3-Clause)',
])

const bundles = readdirSync(join(clone, 'dist'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  /(^|[\\/])bundled-[^\\/]+\.js$/.test(path),
)

/** The packages in the bundles: each module of a bundle begins with a comment that names the module's file. */
const bundled = bundles.flatMap((bundle) => {
  const text = readFileSync(join(clone, 'dist', bundle), 'utf8')
  const paths = [...text.matchAll(/^\/\/ (node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//gm)].map(
    ([, path]) => path,
  )
  const file = `dist/${bundle.replaceAll('\\', '/')}`
  return locked.filter(({ path }) => paths.includes(path)).map((entry) => ({ ...entry, file }))
})

const nameAndVersion = ({ name, version }: Pick<Locked, 'name' | 'version'>): string => `${name}@${version}`

test('the bill of materials names all that users install or get in bundles, by version, hash and an acceptable licence', (t) => {
  const bill = jsonOf('dist/sbom.cdx.json')
  t.like(bill, { bomFormat: 'CycloneDX', metadata: { component: { name: 'flame-fl' } } })
  const components: readonly unknown[] = Object(bill.components)
  const inFiles: string[] = []
  const found = components.map((component) => {
    const { name, version, purl, hashes, licenses, properties } = Object(component)
    t.is(purl, `pkg:npm/${String(name).replace('@', '%40')}@${version}`)
    t.regex(String(hashes?.[0]?.content), /^[0-9a-f]{128}$/, name)
    for (const { license, expression = license?.id } of licenses)
      t.true(acceptable.has(expression), `${name}: ${expression}`)
    for (const property of properties)
      if (property.name === 'flame-fl:bundled-into') inFiles.push(`${name}@${version} ${property.value}`)
    return `${name}@${version}`
  })
  const expected = [...locked.filter(({ dev }) => !dev), ...bundled].map(nameAndVersion)
  t.deepEqual(found.toSorted(), [...new Set(expected)].toSorted())
  t.deepEqual(inFiles.toSorted(), bundled.map((entry) => `${nameAndVersion(entry)} ${entry.file}`).toSorted())
})

test('restify, the driver of MongoDB, and nact for pages are bundled, with the text of the licence of each package in the bundles', (t) => {
  const names = bundled.map(({ name }) => name)
  for (const name of ['restify', 'find-my-way', 'mongodb', 'bson', 'nact']) t.true(names.includes(name), name)
  const sections = readFileSync(join(clone, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8').split(`\n${'-'.repeat(80)}\n`)
  for (const { name, version, file } of bundled) {
    const section = sections.find((text) => text.startsWith(`${name} ${version} (`) && text.includes(`in ${file}\n`))
    t.regex(section ?? '', /Copyright|Apache License/, name)
    t.regex(section ?? '', /Permission|Redistribution|APPENDIX|LICENSE-2\.0/, name)
  }
})
