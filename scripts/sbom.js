import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { bundles } from './bundles.js'

const sources = [
  ...['package.json', 'package-lock.json', 'scripts/sbom.js', 'scripts/bundles.js'],
  ...bundles.map(({ source }) => source),
]

/** Licences that packages name in their documents alone. */
const licences = { 'escape-regexp-component': 'MIT' }

/**
 * Writes the bill of materials (CycloneDX), with hashes and licences: the packages that users install beside this package, and
 * the packages `bundled` into its files, whose property says into which. The same lock file gives the same bytes: the bill has
 * neither npm's timestamp nor npm's random serial number.
 */
export function writeBillOfMaterials(file, bundled) {
  if (existsSync(file) && sources.every((source) => statSync(source).mtimeMs <= statSync(file).mtimeMs)) return
  const { serialNumber: _number, ...bill } = billOfAll()
  const { timestamp: _instant, ...metadata } = bill.metadata
  const { name, dependencies } = jsonOf('package.json')
  const own = new Set([...Object.keys(dependencies), ...bundles.map(({ name }) => name)])
  // npm names the folder. Without development dependencies, npm would also omit packages that users and development
  // both need.
  const component = { ...metadata.component, name }
  const used = new Set([component['bom-ref'], ...installedRefs(), ...bundled.map(refOf)])
  const isUsed = (ref) => used.has(ref)
  const isOwn = (ref) => own.has(ref.slice(0, ref.lastIndexOf('@')))
  const components = bill.components
    .filter((each) => isUsed(each['bom-ref']))
    .map((each) => ({
      ...each,
      properties: [
        ...each.properties.filter(({ name }) => name !== 'cdx:npm:package:development'),
        ...bundled
          .filter((part) => refOf(part) === each['bom-ref'])
          .map(({ file }) => ({ name: 'flame-fl:bundled-into', value: file })),
      ],
      licenses: each.licenses ?? [{ license: { id: licences[each.name] } }],
    }))
  const graph = bill.dependencies
    .filter(({ ref }) => isUsed(ref))
    .map(({ ref, dependsOn }) => ({
      ref,
      dependsOn: dependsOn.filter(ref === component['bom-ref'] ? isOwn : isUsed),
    }))
  const whole = { ...bill, metadata: { ...metadata, component }, components, dependencies: graph }
  writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`)
}

function billOfAll() {
  const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=library', '--package-lock-only']
  const npm = process.env.npm_execpath ?? ''
  const [program, first] = /npm-cli\.c?js$/.test(npm) ? [process.execPath, [npm]] : ['npm', []]
  return JSON.parse(execFileSync(program, [...first, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 }))
}

/** Licences and hashes of all packages that aren't for development alone. */
function installedRefs() {
  return Object.entries(jsonOf('package-lock.json').packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`)
}

function refOf({ name, version }) {
  return `${name}@${version}`
}

function jsonOf(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
