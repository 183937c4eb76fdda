import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { flamectlUp, runCommand } from '../test/support/flamectl-up.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'
import { assertNoFile, isMongodb, keepPrivate, shownStore, stateFolder, withoutPassword } from './state-folder.ts'

const trivial = fileURLToPath(new URL('../../examples/trivial', import.meta.url))
const run = ['run', trivial, '--workers', '0', '--set', 'rounds=1,clients=2', '--store']

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

/** Files and folders below one that others may use. */
async function openBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true })
  const modes = await Promise.all(found.map(async (name) => [name, await modeOf(join(folder, name))] as const))
  return modes.filter(([, mode]) => (mode & 0o077) !== 0).map(([name]) => name)
}

test('a folder that others may read is narrowed, and that is told once', async (t) => {
  await using folder = await temporaryFolder()
  const told: string[] = []
  const state = join(folder.path, 'state')
  await keepPrivate(state, (text) => told.push(text))
  await mkdir(state)
  await chmod(state, 0o775)
  for (let start = 0; start < 2; start++) await keepPrivate(state, (text) => told.push(text))
  t.is(await modeOf(state), 0o700)
  t.is(told.length, 1)
  t.regex(told.join('\n'), /state was open to other accounts \(mode 775\)/)
})

test('up refuses a state that every account may change, says what to do, and takes it where it is told to', async (t) => {
  await using folder = await temporaryFolder()
  const state = join(folder.path, 'state')
  await mkdir(state)
  await chmod(state, 0o777)
  for (const args of [['up', '--port', '0', '--store'], run]) {
    const refused = await runCommand([...args, folder.path])
    t.is(refused.status, 1)
    t.regex(refused.err, /STATE_RIGHTS: .*mode 777.*\n.*chmod go-rwx .*state/)
    t.deepEqual(await readdir(state), [])
  }
  await using up = await flamectlUp(folder.path, '--shared')
  t.regex(up.out(), /every account of this machine may use it/)
  t.is(await modeOf(state), 0o777)
})

test('what up makes is for its account alone, in a folder that others may read, too', async (t) => {
  await using folder = await temporaryFolder()
  await chmod(folder.path, 0o755)
  await using up = await flamectlUp(folder.path, '--auth', '--key-file', join(folder.path, 'keys.json'))
  t.notRegex(up.out(), /every account/)
  t.deepEqual(await openBelow(folder.path), [])
  t.true((await readdir(folder.path)).includes('state'))
})

test('a run keeps its state to its account, and its models as the person who runs it makes files', async (t) => {
  await using folder = await temporaryFolder()
  const ended = await runCommand([...run, folder.path])
  t.is(ended.status, 0, ended.err)
  t.is(ended.err, '')
  t.is(await modeOf(join(folder.path, 'state')), 0o700)
  t.is(await modeOf(join(folder.path, 'models')), 0o777 & ~process.umask())
})

test("a database's password is never shown", (t) => {
  for (const [given, shown] of [
    ['mongodb://u:s3cret@host:27017/db?x=1', 'mongodb://u:PASSWORD@host:27017/db?x=1'],
    ['mongodb+srv://u:s3c%40ret@host/db', 'mongodb+srv://u:PASSWORD@host/db'],
    ['--store=mongodb://u:p:q@host/db', '--store=mongodb://u:PASSWORD@host/db'],
    ['mongodb://host:27017/db', 'mongodb://host:27017/db'],
    ['mongodb://u@a:1,b:2/db', 'mongodb://u@a:1,b:2/db'],
  ] as const)
    t.is(withoutPassword(given), shown)
  t.is(shownStore('mongodb://u:p@host/db'), 'mongodb://u:PASSWORD@host/db')
})

test('a store is a folder, or a database of MongoDB', (t) => {
  t.true(isMongodb('mongodb+srv://host/db'))
  t.false(isMongodb('./mongodb'))
  t.is(shownStore('a'), 'a/state')
  t.throws(() => stateFolder('mongo://host/db'), { code: 'OPTION_VALUE' })
})

test('a file, or a place below one, is refused where a folder is to be', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')
  for (const place of [file, join(file, 'models')])
    await t.throwsAsync(assertNoFile('--models', place), { code: 'OPTION_VALUE', message: /--models expects a folder/ })
  await t.notThrowsAsync(assertNoFile('--models', folder.path))
  await t.notThrowsAsync(assertNoFile('--models', join(folder.path, 'new', 'models')))
})
