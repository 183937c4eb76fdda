import { randomBytes } from 'node:crypto'
import { chmod, chown, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test from 'ava'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { keysIn, rotateKeys } from './key-file.ts'
import { keyring } from './keyring.ts'

const asRoot = process.geteuid?.() === 0 ? test : test.skip

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

for (const mode of [0o777, 0o775, 0o703])
  test(`a key file in a folder that others may write is refused (${mode.toString(8)})`, async (t) => {
    await using made = await keyFile()
    await keysIn(made.file)
    await chmod(dirname(made.file), mode)
    const error = await t.throwsAsync(keysIn(made.file), { code: 'API_KEY_FILE' })
    t.regex(error?.message ?? '', /others may write its folder/)
    await chmod(dirname(made.file), mode | 0o1000)
    await t.notThrowsAsync(keysIn(made.file), 'where each may replace their own files alone')
    await chmod(dirname(made.file), 0o755)
    await t.notThrowsAsync(keysIn(made.file))
  })

asRoot('a key file, or its folder, that belongs to another account is refused', async (t) => {
  await using made = await keyFile()
  await keysIn(made.file)
  await chown(made.file, 54_321, 54_321)
  await t.throwsAsync(keysIn(made.file), { code: 'API_KEY_FILE', message: /it belongs to account 54321/ })
  await chown(made.file, 0, 0)
  await chown(dirname(made.file), 54_321, 54_321)
  await t.throwsAsync(keysIn(made.file), { code: 'API_KEY_FILE', message: /its folder .* belongs to account 54321/ })
  await chown(dirname(made.file), 0, 0)
})

const weak: readonly [string, string][] = [
  ['one byte again and again', Buffer.alloc(32).toString('base64url')],
  ['a word again and again', Buffer.from('password'.repeat(8)).toString('base64url')],
  ['fewer than 256 bits', randomBytes(31).toString('base64url')],
  ['what is no base64url', '!'.repeat(43)],
]
for (const [what, k] of weak)
  test(`a key that is ${what} is refused`, async (t) => {
    await using made = await keyFile()
    const set = { keys: [{ kty: 'oct', alg: 'HS256', kid: 'a', k }] }
    await writeFile(made.file, JSON.stringify(set), { mode: 0o600 })
    const error = await t.throwsAsync(keysIn(made.file), { code: 'API_KEY_FILE' })
    t.false(error?.message.includes(k))
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
