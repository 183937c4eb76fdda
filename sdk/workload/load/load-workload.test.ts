import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { CodedError } from '../../../runtime/index.ts'
import { type NodeVersion, runOnNode } from '../../../test/support/other-platforms.ts'
import { processesBelow } from '../../../test/support/processes.ts'
import { workerPool } from '../../training/threads/worker-pool.ts'
import { bundleWorkload, loadWorkload } from './load-workload.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'flame workload-')))
test.after.always(() => rmSync(root, { recursive: true }))

/** A folder outside of any project, with files by path. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(root, 'w-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

const parts = 'learner() {}, data() {}, topology() {}, strategy() {}'
const whole = `{ name: 'small', settings: { rounds: 1, clients: 2 }, ${parts} }`

for (const extension of ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'])
  test(`a folder's workload.${extension} is loaded`, async (t) => {
    const file = `workload.${extension}`
    const folder = folderOf({ [file]: extension === 'cjs' ? `module.exports = ${whole}` : `export default ${whole}` })
    const { workload, module } = await loadWorkload(folder)
    t.is(workload.name, 'small')
    t.is(module.href, pathToFileURL(join(folder, file)).href)
    t.is((await loadWorkload(join(folder, file))).workload, workload)
  })

test('a module that a compiler made CommonJS of has its default export', async (t) => {
  const compiled = `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = ${whole}`
  t.is((await loadWorkload(folderOf({ 'workload.js': compiled }))).workload.name, 'small')
})

/** A workload of many files. Its settings are the values that the files find. */
const files = {
  'packages/workload.ts': `#!/usr/bin/env node
    import { readFileSync } from 'node:fs'
    import { twoTier, type Workload } from 'flame-fl/sdk'
    import common, { alpha } from 'common'
    import { modern } from '@scope/modern/part'
    import { extensionless } from './extensionless'
    import { javaScript } from './java-script.js'
    import { aliased } from '#aliased'
    import { mapped } from '@mapped/name'
    import helper, { named } from './helper.cjs'
    import json from './values.json' with { type: 'json' }
    import type { Missing } from './types'
    const require = 1
    enum Kind { Second = 'second' }
    namespace Space { export const inner = 'inner' }
    class Kept { constructor(readonly given: string) {} }
    const name: string = 'chosen'
    const { chosen } = await import('./models/' + name + '.ts')
    const { default: literal } = await import('./models/literal')
    const text = (of: URL | string) => readFileSync(of, 'utf8')
    export default {
      name: 'many',
      settings: {
        rounds: require, clients: 2, kind: Kind.Second, inner: Space.inner, given: new Kept('given').given, kept: Kept.name,
        alpha, whole: common.beta, modern, extensionless, javaScript, aliased, mapped, helper: helper.named, named, json: json.value,
        chosen, literal, beside: text(new URL('note.txt', import.meta.url)), folder: import.meta.dirname,
        own: import.meta.filename, resolved: import.meta.resolve('common'), sdk: typeof twoTier,
      },
      ${parts},
    } satisfies object`,
  'packages/extensionless.ts': 'const Kept = class Kept {}; export const extensionless: string = Kept.name',
  'packages/java-script.ts': "import { alpha } from 'common'; export const javaScript: string = `java ${alpha}`",
  'packages/aliased.ts': "export const aliased = 'aliased'",
  'packages/mapped/name.ts': "export const mapped = 'mapped'",
  'packages/helper.cjs': `'use strict'
    const { alpha } = require('common')
    const { twoTier } = require('flame-fl/sdk')
    exports.named = [alpha, typeof twoTier, __dirname === require('path').dirname(__filename), require('./inner').inner].join()`,
  'packages/inner.js': "module.exports = { inner: require.resolve('common').split('/').at(-1) }",
  'packages/values.json': '{ "value": "json" }',
  'packages/types.ts': 'export interface Missing {}',
  'packages/note.txt': 'note',
  'packages/models/chosen.ts': 'export const chosen = import.meta.filename.split(/[\\\\/]/).at(-1)',
  'packages/models/literal.mts': "export default 'literal' as const",
  'packages/tsconfig.json': '{ "compilerOptions": { "paths": { "@mapped/*": ["./mapped/*"] } } }',
  'node_modules/common/package.json': '{ "name": "common", "main": "./main.js" }',
  'node_modules/common/main.js': "for (const name of ['alpha', 'beta']) module.exports[name] = name",
  'node_modules/@scope/modern/package.json':
    '{ "name": "@scope/modern", "exports": { "./part": { "import": "./part.js" } }, "type": "module" }',
  'node_modules/@scope/modern/part.js': "export const modern = 'modern'",
}

for (const version of [20, 22, 24] satisfies NodeVersion[])
  for (const type of ['module', 'commonjs', undefined])
    test(`a workload of many files finds the same on Node ${version} in a package of ${type ?? 'no type'}`, async (t) => {
      const manifest = JSON.stringify({ type, imports: { '#aliased': './aliased.ts' }, sideEffects: false })
      const folder = join(folderOf({ ...files, 'packages/package.json': manifest }), 'packages')
      const loaded = await runOnNode(version, {
        module: new URL('./load-workload.js', import.meta.url),
        name: 'loadWorkload',
        args: [folder],
      })
      t.like(loaded, {
        workload: {
          settings: {
            rounds: 1,
            kind: 'second',
            inner: 'inner',
            given: 'given',
            kept: 'Kept',
            alpha: 'alpha',
            whole: 'beta',
            modern: 'modern',
            extensionless: 'Kept',
            javaScript: 'java alpha',
            aliased: 'aliased',
            mapped: 'mapped',
            helper: 'alpha,function,true,main.js',
            named: 'alpha,function,true,main.js',
            json: 'json',
            chosen: 'chosen.ts',
            literal: 'literal',
            beside: 'note',
            folder,
            own: join(folder, 'workload.ts'),
            resolved: pathToFileURL(join(folder, '../node_modules/common/main.js')).href,
            sdk: 'function',
          },
        },
      })
    })

test('a workload shares the modules of whoever loads it, in whatever project it lies', async (t) => {
  const source =
    "import { CodedError } from 'flame-fl/runtime'\nthrow new CodedError('X', { message: 'x', hint: 'x' }, {})"
  const other = { 'node_modules/flame-fl/package.json': '{ "name": "flame-fl", "exports": {} }' }
  const error = await t.throwsAsync(loadWorkload(folderOf({ 'workload.ts': source, ...other })), {
    code: 'WORKLOAD_BROKEN',
  })
  t.true(error.cause instanceof CodedError)
})

const elsewhere: readonly [string, Readonly<Record<string, string>>][] = [
  ['by a relative path', { 'workload.ts': "import secret from '../secret.json'; export default secret" }],
  ['by an absolute path', { 'workload.ts': "import secret from 'SECRET'; export default secret" }],
  ['by a URL', { 'workload.ts': "import secret from 'file://SECRET'; export default secret" }],
  ['by require', { 'workload.cjs': "require('../secret.json')" }],
  ['by a dynamic import', { 'workload.ts': "await import('../secret.json')" }],
  [
    'in a folder of packages',
    { 'workload.ts': "import secret from '../node_modules/own/secret.json'; export default secret" },
  ],
  [
    'by a name of tsconfig.json',
    {
      'workload.ts': "import secret from 'secret'; export default secret",
      'tsconfig.json': '{ "compilerOptions": { "paths": { "secret": ["../secret.json"] } } }',
    },
  ],
]
for (const [title, files] of elsewhere)
  test(`a workload that is to stay in its folder imports no file elsewhere ${title}`, async (t) => {
    const parent = folderOf({ 'secret.json': '{"k":"secret"}', 'node_modules/own/secret.json': '{"k":"secret"}' })
    const folder = join(parent, 'code')
    for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, path), text.replace('SECRET', join(parent, 'secret.json')))
    }
    await bundleWorkload(folder)
    await t.throwsAsync(bundleWorkload(folder, { within: folder }), {
      code: 'WORKLOAD_BROKEN',
      message: /secret\.json lies outside of/,
    })
  })

test('what was changed is loaded anew', async (t) => {
  const folder = folderOf({ 'workload.ts': `export default ${whole}` })
  await loadWorkload(folder)
  writeFileSync(join(folder, 'workload.ts'), `export default ${whole.replace('small', 'large')}`)
  t.is((await loadWorkload(folder)).workload.name, 'large')
})

test('a folder that does not exist, or holds no workload, is refused', async (t) => {
  await t.throwsAsync(loadWorkload(join(root, 'none')), { code: 'WORKLOAD_MISSING' })
  await t.throwsAsync(loadWorkload(folderOf({ 'other.ts': '' })), { code: 'WORKLOAD_MISSING' })
})

const helper = (text: string) => ({ 'workload.ts': "import { f } from './helper'\n\nf()", 'helper.ts': text })
const broken: readonly [string, Readonly<Record<string, string>>, RegExp][] = [
  ['is no program', { 'workload.ts': '\n\nexport default {' }, /workload\.ts:3: .*end of file/],
  ['imports what is no program', helper('\n\nconst x = = 1'), /: helper\.ts:3: Unexpected "="/],
  ['imports a file that is not there', { 'workload.ts': "\nimport './none'" }, /: workload\.ts:2: .*\.\/none/],
  ['imports what its own file lacks', helper('export {}'), /: workload\.ts:1: No matching export in "helper\.ts".*"f"/],
  [
    'imports what a package lacks',
    helper("// of the SDK\nimport { nothing } from 'flame-fl/sdk'\nexport const f = nothing"),
    /: helper\.ts:2: .*'nothing'/,
  ],
  [
    'imports packages that are not installed',
    { 'workload.ts': "\nimport 'left-pad'\nimport '@of/scope/part'" },
    /workload\.ts:2: .*npm install left-pad in .*workload\.ts:3: .*npm install @of\/scope in /,
  ],
  [
    'requires a package that is not installed',
    { 'workload.cjs': "\nrequire('left-pad')" },
    /\.cjs:2: .*install left-pad/,
  ],
  [
    'imports what is no part of flame-fl',
    { 'workload.ts': "import 'flame-fl/none'" },
    /:1: flame-fl\/none, .* is not exported/,
  ],
  [
    'imports a file that its package lacks',
    { 'workload.ts': "\nimport 'p/none.js'", 'node_modules/p/package.json': '{}' },
    /:2: p\/none\.js, .* is not exported/,
  ],
  [
    'lies by a package.json that is none',
    { 'workload.ts': 'export default 1', 'package.json': '{' },
    /package\.json:1: /,
  ],
  ['throws', { 'workload.ts': "\nthrow new Error('no data')" }, /: workload\.ts:2: no data/],
  [
    'imports what throws',
    helper("\n\nexport const f = () => {\n  throw new TypeError('deep')\n}"),
    /: helper\.ts:4: deep/,
  ],
  ['throws no error', { 'workload.ts': "throw 'plainly'" }, /plainly/],
]
for (const [title, files, message] of broken)
  test(`a module that ${title} is refused with the place`, async (t) => {
    const error = await t.throwsAsync(loadWorkload(folderOf(files)), { code: 'WORKLOAD_BROKEN' })
    t.regex(error.message, message)
    t.true(!title.startsWith('throws no') === error.cause instanceof Error)
  })

test('stacks name the lines of the source files, here and in threads', async (t) => {
  const folder = folderOf({
    'workload.ts': `import { inMemoryExamples, twoTier, workload } from 'flame-fl/sdk'
import { train } from './training'
const examples = inMemoryExamples({ features: Uint8Array.of(0), labels: [0], shape: [1] })
export default workload({
  name: 'failing', settings: { rounds: 1, clients: 1 },
  learner: () => ({ layout: { tensors: [{ name: 'w', shape: [1] }], size: 1 }, train }),
  data: () => ({ clients: 1, client: () => examples, test: examples }),
  topology: twoTier, strategy() {},
})`,
    'training.ts': `interface Nothing {

}
export function train(given: Nothing) {
  throw new Error('spilled')
}`,
  })
  const { workload, module } = await loadWorkload(folder)
  const place = `${pathToFileURL(join(folder, 'training.ts')).href}:5:9`
  const learner: { train(): void } = Object.create(await workload.learner(workload.settings))
  t.true(t.throws(() => learner.train()).stack?.includes(place))

  const pool = await workerPool({ module, settings: workload.settings, seed: 1, workers: 1 })
  const training = pool.train({ client: 0, end: 't', round: 1, weights: new Float32Array(1), terms: {} })
  t.true((await t.throwsAsync(training)).stack?.includes(place))
  await pool.close()
})

test('a package that a workload looks for while it runs is named if it is missing', async (t) => {
  const source = `export default { ...${whole}, learner: () => import.meta.resolve('left-pad/package.json') }`
  const { workload } = await loadWorkload(folderOf({ 'workload.ts': source }))
  t.throws(() => workload.learner(workload.settings), { code: 'WORKLOAD_PACKAGE', message: /left-pad, / })
})

test('what an installed workload misses is to be installed beside its package, and not in it', async (t) => {
  const inner = 'node_modules/someone/examples/own/workload.mjs'
  const project = folderOf({
    [inner]: `export default { ...${whole}, learner: () => import.meta.resolve('left-pad') }`,
  })
  const { workload } = await loadWorkload(join(project, inner))
  const error = t.throws<CodedError>(() => workload.learner(workload.settings), { code: 'WORKLOAD_PACKAGE' })
  t.is(error?.hint, `npm install left-pad in ${project}, or in a folder above it`)
})

test('each fault of a default export is named', async (t) => {
  await t.throwsAsync(loadWorkload(folderOf({ 'workload.mjs': 'export const x = 1' })), {
    code: 'WORKLOAD_SHAPE',
    message: /there is no default export/,
  })
  const broken =
    "export default { name: 'A b', settings: { rounds: '1', extra: [] }, learner() {}, data() {}, topology: 1 }"
  const error = await t.throwsAsync(loadWorkload(folderOf({ 'workload.mjs': broken })), { code: 'WORKLOAD_SHAPE' })
  for (const part of ['name', 'settings.rounds', 'settings.clients', 'settings.extra', 'topology', 'strategy']) {
    t.true(error.message.includes(`${part} must`), part)
  }
})

test.serial('a bundler whose process was killed is started again', async (t) => {
  const folder = folderOf({ 'workload.ts': `export default ${whole}` })
  await loadWorkload(folder)
  const killed = await processesBelow([process.pid])
  t.true(killed.length > 0)
  for (const { pid } of killed) process.kill(pid, 'SIGKILL')
  writeFileSync(join(folder, 'workload.ts'), `export default ${whole.replace('small', 'other')}`)
  const [one, other] = await Promise.all([loadWorkload(folder), loadWorkload(folder)])
  t.is(one.workload.name, 'other')
  t.is(other.workload, one.workload)
})
