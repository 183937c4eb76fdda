import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { nativeTensorFlow } from './node-native-tensorflow.ts'

/** A project with this record of a build in its `.native`. */
async function project(t: ExecutionContext, record?: (folder: string) => string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'flame-native-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const folder = join(root, '.native')
  await mkdir(join(root, 'some/folder'), { recursive: true })
  await mkdir(folder)
  if (record) await writeFile(join(folder, 'built.json'), record(folder))
  return root
}

/** A build of plain TensorFlow.js, which is always installed here. */
const plain = createRequire(import.meta.url).resolve('@tensorflow/tfjs')
const plainBuild = (folder: string) => JSON.stringify({ module: relative(folder, plain) })

test('where no build was completed there is no native TensorFlow', async (t) => {
  const root = await project(t)
  t.is(await nativeTensorFlow({ from: root }), undefined)
  t.is(await nativeTensorFlow({ folder: join(root, '.native') }), undefined)
  t.is(await nativeTensorFlow({ folder: join(root, 'nowhere') }), undefined)
})

test('the module that a build records is loaded, from the folder given or from one above', async (t) => {
  const root = await project(t, plainBuild)
  const found = await nativeTensorFlow({ from: join(root, 'some/folder') })
  t.is(typeof found?.layers.dense, 'function')
  t.is(await nativeTensorFlow({ folder: join(root, '.native') }), found)
})

test('a folder given is the only one looked at', async (t) => {
  const root = await project(t, plainBuild)
  t.is(await nativeTensorFlow({ folder: join(root, 'some'), from: root }), undefined)
})

for (const [what, record] of [
  ['a damaged record', '{'],
  ['a record of a module that is gone', JSON.stringify({ module: 'gone.js' })],
  ['a record of a module that is no TensorFlow.js', JSON.stringify({ module: 'built.json' })],
  ['a record of nothing', '{}'],
] as const) {
  test(`a build with ${what} is refused, and not taken for none`, async (t) => {
    const root = await project(t, () => record)
    const error = await t.throwsAsync(nativeTensorFlow({ from: root }), { code: 'LEARN_NATIVE' })
    t.true(error?.message.includes(root))
  })
}

test('a package that the project has installed is loaded where no build is, and one that does not load is named', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'flame-native-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const module = join(root, 'node_modules/@tensorflow/tfjs-node')
  await mkdir(join(root, 'app'))
  await mkdir(module, { recursive: true })
  await writeFile(join(module, 'index.js'), `module.exports = require(${JSON.stringify(plain)})`)
  const found = await nativeTensorFlow({ from: join(root, 'app') })
  t.is(typeof found?.layers.dense, 'function')
  t.is(await nativeTensorFlow({ folder: root }), undefined)

  const other = await project(t)
  const broken = join(other, 'node_modules/@tensorflow/tfjs-node')
  await mkdir(broken, { recursive: true })
  await writeFile(join(broken, 'index.js'), `throw new Error('no binding')`)
  await t.throwsAsync(nativeTensorFlow({ from: other }), { code: 'LEARN_NATIVE', message: /tfjs-node.*no binding/ })
})
