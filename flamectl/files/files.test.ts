import { mkdir, open, readdir, readFile, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { unzipSync } from 'fflate'
import { designInfo } from '../../actors/model/index.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { givenSettings } from '../run/run-options.ts'
import { archiveToSend, saveWhole } from './archives.ts'
import { readJobFile, readModel, withSettings } from './json-files.ts'

const silent = () => {}

test('comments are left out, unknown fields too but with a warning', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'design.json')
  await writeFile(file, JSON.stringify({ '//': 'a comment', id: 'd', colour: { deep: 1 }, name: '' }))
  const warnings: string[] = []
  t.deepEqual(await readModel(file, designInfo, (text) => warnings.push(text)), { id: 'd' })
  t.deepEqual(warnings, [`${file}: there is no field colour, it is left out`])
})

test('what is no file, no JSON, or lacks a field is refused with its place', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'design.json')
  await t.throwsAsync(readModel(file, designInfo, silent), { code: 'FILE_UNREADABLE', message: /ENOENT/ })
  await writeFile(file, '{"id": }')
  await t.throwsAsync(readModel(file, designInfo, silent), { code: 'FILE_JSON', message: /position 7|"\{"id": \}"/ })
  await writeFile(file, '{"name": "n"}')
  await t.throwsAsync(readModel(file, designInfo, silent), {
    code: 'MODEL_INVALID',
    message: /id: this field is required/,
  })
})

test('files that have no end, or no bottom, are refused', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'job.json')
  await truncateTo(file, 101 * 1024 * 1024)
  await t.throwsAsync(readJobFile(file, silent), { code: 'FILE_LARGE' })
  if (process.platform === 'linux') await t.throwsAsync(readJobFile('/dev/zero', silent), { code: 'FILE_LARGE' })
  await writeFile(file, `{"name": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
  await t.throwsAsync(readJobFile(file, silent), { code: 'FILE_JSON', message: /nested more than 64 deep/ })
  await t.throwsAsync(readJobFile(folder.path, silent), { code: 'FILE_UNREADABLE' })
})

async function truncateTo(file: string, bytes: number): Promise<void> {
  await writeFile(file, '')
  await truncate(file, bytes)
}

test("a job's data and model may stand in files beside it, with or without their names", async (t) => {
  await using folder = await temporaryFolder()
  const at = (name: string) => join(folder.path, 'sub', name)
  await mkdir(at(''))
  const dataSpec = [{ role: 'trainer', datasetGroups: { default: ['a'] } }]
  const modelSpec = { hyperparameters: { rounds: 0, '//': 'none' } }
  const job = { name: 'j', designId: 'd', priority: 'low', backend: 'mqtt', maxRunTime: 60 }
  const paths = { dataSpecPath: 'data.json', modelSpecPath: '../sub/model.json' }
  await writeFile(at('job.json'), JSON.stringify({ ...job, ...paths, modelSpecPaths: 1 }))
  await writeFile(at('data.json'), JSON.stringify(dataSpec))
  await writeFile(at('model.json'), JSON.stringify({ '//': 'model', modelSpec: { ...modelSpec, colour: 1 } }))
  const warnings: string[] = []
  const read = await readJobFile(at('job.json'), (text) => warnings.push(text))
  const expected: unknown = { ...job, dataSpec, modelSpec: { hyperparameters: { rounds: 0 } } }
  t.deepEqual(read, expected)
  t.deepEqual(
    warnings.map((text) => text.replace(/.*: there/, 'there')),
    ['there is no field modelSpecPaths, it is left out', 'there is no field modelSpec.colour, it is left out'],
  )
  await writeFile(at('twice.json'), JSON.stringify({ ...job, dataSpec, dataSpecPath: 'data.json' }))
  await t.throwsAsync(readJobFile(at('twice.json'), silent), { code: 'FILE_TWICE' })
  await writeFile(at('gone.json'), JSON.stringify({ ...job, dataSpecPath: 'gone' }))
  await t.throwsAsync(readJobFile(at('gone.json'), silent), { code: 'FILE_UNREADABLE', message: /sub.gone/ })
})

test('an archive is saved whole or not at all, and takes the place of no other file unasked', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'd.zip')
  const content = (...parts: (string | Error)[]) =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const part = parts.shift()
        if (part === undefined) controller.close()
        else if (part instanceof Error) controller.error(part)
        else controller.enqueue(new TextEncoder().encode(part))
      },
    })
  await t.throwsAsync(saveWhole(file, content('a', new Error('cut')), { force: false }), { message: 'cut' })
  t.deepEqual(await readdir(folder.path), [])
  await saveWhole(file, content('a', 'b'), { force: false })
  t.is(await readFile(file, 'utf8'), 'ab')
  await t.throwsAsync(saveWhole(file, content('c'), { force: false }), { code: 'FILE_EXISTS' })
  t.is(await readFile(file, 'utf8'), 'ab')
  await t.throwsAsync(saveWhole(file, content('c', new Error('cut')), { force: true }))
  t.is(await readFile(file, 'utf8'), 'ab')
  await saveWhole(file, content('c'), { force: true })
  t.is(await readFile(file, 'utf8'), 'c')
  t.deepEqual(await readdir(folder.path), ['d.zip'])
  for (const place of ['d.zip/e.zip', 'x'.repeat(300)])
    await t.throwsAsync(saveWhole(join(folder.path, place), content('c'), { force: true }), { code: 'FILE_UNWRITABLE' })
  await mkdir(join(folder.path, 'folder'))
  await t.throwsAsync(saveWhole(join(folder.path, 'folder'), content('c'), { force: true }), {
    code: 'FILE_UNWRITABLE',
    message: /it is a folder \(EISDIR\)$/,
  })
  t.deepEqual(await readdir(folder.path), ['d.zip', 'folder'])
})

test('an archive to send is a file, or a folder that is packed without what is hidden and libraries', async (t) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'code.zip'), 'zip')
  const { fileName, fileData } = await archiveToSend(join(folder.path, 'code.zip'))
  t.deepEqual([fileName, await fileData.text()], ['code.zip', 'zip'])
  const at = (path: string) => join(folder.path, 'code', path)
  for (const made of ['trainer/lib', 'boss', '.git', 'trainer/node_modules']) await mkdir(at(made), { recursive: true })
  const files = ['trainer/main.py', 'trainer/lib/a.js', 'boss/b', '.git/c', 'trainer/node_modules/d.js', 'trainer/.e']
  for (const file of files) await writeFile(at(file), file)
  const packed = await archiveToSend(at('.'))
  t.is(packed.fileName, 'code.zip')
  const entries = unzipSync(new Uint8Array(await packed.fileData.arrayBuffer()))
  t.deepEqual(Object.keys(entries), ['boss/b', 'trainer/lib/a.js', 'trainer/main.py'])
  t.is(new TextDecoder().decode(entries['boss/b']), 'boss/b')
  // More than a server takes unless it's told to: the server says so.
  const large = await open(at('boss/large'), 'w')
  await large.truncate(12_000_000)
  await large.close()
  t.true((await archiveToSend(at('.'))).fileData.size > 0)
  await truncate(at('boss/large'), 1_100_000_000)
  await t.throwsAsync(archiveToSend(at('.')), { code: 'CODE_SIZE' })
  await t.throwsAsync(archiveToSend(join(folder.path, 'none')), { code: 'FILE_UNREADABLE' })
})

test('a symbolic link to what lies in the folder is followed, any other is refused by its name', async (t) => {
  await using folder = await temporaryFolder()
  const at = (path: string) => join(folder.path, 'code', path)
  for (const made of ['trainer', 'shared/lib']) await mkdir(at(made), { recursive: true })
  await writeFile(at('shared/lib/a.js'), 'a')
  await symlink('../shared/lib/a.js', at('trainer/a.js'))
  await symlink('../shared/lib', at('trainer/lib'))
  const packed = await archiveToSend(at('.'))
  const entries = unzipSync(new Uint8Array(await packed.fileData.arrayBuffer()))
  t.deepEqual(Object.keys(entries), ['shared/lib/a.js', 'trainer/a.js', 'trainer/lib/a.js'])
  t.is(new TextDecoder().decode(entries['trainer/lib/a.js']), 'a')
  await writeFile(join(folder.path, 'outside.js'), '')
  const stray: readonly [string, RegExp][] = [
    ['../../outside.js', /trainer.stray leads out of the folder, to .*outside\.js/],
    ['..', /trainer.stray leads to a folder that it lies in/],
    ['.', /trainer.stray leads to a folder that it lies in/],
    ['stray', /trainer.stray leads to stray, where nothing is/],
    ['gone.js', /trainer.stray leads to gone\.js, where nothing is/],
  ]
  for (const [target, message] of stray) {
    await symlink(target, at('trainer/stray'))
    await t.throwsAsync(archiveToSend(at('.')), { code: 'CODE_LINK', message }, target)
    await unlink(at('trainer/stray'))
  }
})

test('--set gives a job hyperparameters and algorithms in place of those of its file', async (t) => {
  const job = { designId: 'd', modelSpec: { hyperparameters: { rounds: 3, mine: 'x' }, selector: { sort: 'default' } } }
  const set = givenSettings(['rounds=5,own=a,flag=true,optimizer=fedadam,eta=0.05', 'selector=random,k=2'])
  t.deepEqual(await withSettings(job, set), {
    designId: 'd',
    modelSpec: {
      hyperparameters: { rounds: 5, mine: 'x', own: 'a', flag: true },
      optimizer: { sort: 'fedadam', kwargs: { eta: 0.05 } },
      selector: { sort: 'random', kwargs: { k: 2 } },
    },
  })
  t.is(await withSettings(job, givenSettings([])), job)
})
