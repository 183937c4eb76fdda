import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { temporaryFolder } from '../test/support/temporary-folder.ts'
import { assertNoFile, isMongodb, shownStore, stateFolder, withoutPassword } from './store-place.ts'

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
