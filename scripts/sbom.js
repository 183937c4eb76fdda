import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'

const sources = ['package.json', 'package-lock.json', 'scripts/sbom.js']

/** Licences that packages name in their documents alone. */
const licences = { 'escape-regexp-component': 'MIT' }

/**
 * Writes what this package's users install beside it, with hashes and licences, as CycloneDX has it. The same lock file gives
 * the same bytes: without the instant, and the number that npm would invent.
 */
export function writeBillOfMaterials(file) {
  if (existsSync(file) && sources.every((source) => statSync(source).mtimeMs <= statSync(file).mtimeMs)) return
  const { serialNumber: _number, ...bill } = billOfAll()
  const { timestamp: _instant, ...metadata } = bill.metadata
  const { name, dependencies: own } = jsonOf('package.json')
  // npm names the folder. Asked to leave development dependencies out, it leaves out what both need, too.
  const component = { ...metadata.component, name }
  const used = new Set([component['bom-ref'], ...installedRefs()])
  const isUsed = (ref) => used.has(ref)
  const isOwn = (ref) => ref.slice(0, ref.lastIndexOf('@')) in own
  const components = bill.components
    .filter((each) => isUsed(each['bom-ref']))
    .map((each) => ({
      ...each,
      properties: each.properties.filter(({ name }) => name !== 'cdx:npm:package:development'),
      licenses: each.licenses ?? [{ license: { id: licences[each.name] } }],
    }))
  const dependencies = bill.dependencies
    .filter(({ ref }) => isUsed(ref))
    .map(({ ref, dependsOn }) => ({
      ref,
      dependsOn: dependsOn.filter(ref === component['bom-ref'] ? isOwn : isUsed),
    }))
  const whole = { ...bill, metadata: { ...metadata, component }, components, dependencies }
  writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`)
}

function billOfAll() {
  const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=library', '--package-lock-only']
  const npm = process.env.npm_execpath ?? ''
  const [program, first] = /npm-cli\.c?js$/.test(npm) ? [process.execPath, [npm]] : ['npm', []]
  return JSON.parse(execFileSync(program, [...first, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 }))
}

/** Of all packages that aren't for development alone. */
function installedRefs() {
  return Object.entries(jsonOf('package-lock.json').packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`)
}

function jsonOf(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
