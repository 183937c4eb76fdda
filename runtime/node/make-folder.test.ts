import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { makeFolder } from './index.ts'

test('a folder is made with the missing folders above it, and an existing folder stays', async (t) => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'a/b/c')
  await Promise.all([makeFolder(path, 0o700), makeFolder(path, 0o700)])
  await writeFile(join(path, 'kept'), '')
  await makeFolder(path)
  t.is((await stat(path)).mode & 0o777, 0o700)
  t.true((await stat(join(path, 'kept'))).isFile())
})

test('a folder that cannot be made is refused by the system’s code', async (t) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'file'), '')
  await t.throwsAsync(makeFolder(join(folder.path, 'file/below/it')), { code: 'ENOTDIR' })
  if (process.platform === 'linux') await t.throwsAsync(makeFolder('/proc/flame/state'), { code: 'ENOENT' })
})
