import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test from 'ava'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { keysIn, rotateKeys } from './key-file.ts'
import { keyring } from './keyring.ts'

async function keyFile() {
  const folder = await temporaryFolder()
  return { file: join(folder.path, 'keys.json'), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

test('a key file is made once, by whoever comes first, and only its owner may read it', async (t) => {
  await using made = await keyFile()
  const found = await Promise.all(Array.from({ length: 8 }, () => keysIn(made.file)))
  t.is(new Set(found.map(({ present }) => present.id)).size, 1)
  t.is(found[0]?.present.secret.length, 32)
  t.is((await stat(made.file)).mode & 0o777, 0o600)
  t.deepEqual(await readdir(dirname(made.file)), ['keys.json'])
})

for (const mode of [0o640, 0o604, 0o644])
  test(`a key file that others may use is refused (${mode.toString(8)})`, async (t) => {
    await using made = await keyFile()
    await keysIn(made.file)
    await chmod(made.file, mode)
    await t.throwsAsync(keysIn(made.file), { code: 'API_KEY_FILE' })
  })

test('a damaged key file is refused, stays as it is, and is not quoted', async (t) => {
  await using made = await keyFile()
  for (const content of ['', '{}', '{"keys":[]}', '{"keys":[{"kty":"oct","alg":"none","kid":"a","k":"secret"}]}']) {
    await writeFile(made.file, content, { mode: 0o600 })
    const error = await t.throwsAsync(keysIn(made.file), { code: 'API_KEY_FILE' })
    t.notRegex(JSON.stringify([error, error?.message, error?.stack]), /secret/)
    t.is(await readFile(made.file, 'utf8'), content)
  }
})

test('rotation puts a new key first, and keeps the old ones only if it is told to', async (t) => {
  await using made = await keyFile()
  const first = (await keysIn(made.file)).present.id
  await rotateKeys(made.file, { keepOld: true })
  const both = await keysIn(made.file)
  t.not(both.present.id, first)
  t.is(both.find(first)?.id, first)
  await rotateKeys(made.file)
  const alone = await keysIn(made.file)
  t.is(alone.find(first), undefined)
  t.is(alone.find(both.present.id), undefined)
  t.is((await stat(made.file)).mode & 0o777, 0o600)
})

test('a keyring takes up keys that were rotated', async (t) => {
  await using made = await keyFile()
  const keys = await keyring(made.file)
  const first = (await keys()).present.id
  await rotateKeys(made.file)
  let now = first
  for (let look = 0; look < 500 && now === first; look++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    now = (await keys()).present.id
  }
  t.is(now, (await keysIn(made.file)).present.id)
  t.not(now, first)
})
