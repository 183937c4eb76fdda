import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { defaultArchiveLimits, unpackedFiles } from '../../actors/catalogue/index.ts'
import { requireSigned } from '../../flamelet/code/signature.ts'
import { makeFolder } from '../../runtime/node/index.ts'
import { runCommand } from '../../test/support/flamectl-up.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { zipOf } from '../files/archives.ts'

test('a folder and an archive are signed in place, by a key that was made before', async (t) => {
  await using folder = await temporaryFolder()
  const keys = ['--keys', join(folder.path, 'keys')]
  const made = await runCommand(['keys', 'create', 'alice', ...keys])
  const key = made.out.trim()
  t.regex(key, /^ed25519:/)
  t.is((await runCommand(['keys', 'show', 'alice', ...keys])).out.trim(), key)
  const listed = await runCommand(['keys', 'list', '-o', 'json', ...keys])
  t.deepEqual(JSON.parse(listed.out), [{ name: 'alice', publicKey: key }])

  const code = join(folder.path, 'code')
  await makeFolder(join(code, 'trainer'))
  await writeFile(join(code, 'trainer/workload.ts'), 'export default 1')
  const archive = join(folder.path, 'code.zip')
  const content = new Map([['trainer/workload.ts', new TextEncoder().encode('export default 1')]])
  await writeFile(archive, await zipOf(content))
  for (const place of [code, archive]) {
    // Twice: the second signature takes the place of the first.
    for (const days of ['1', '2']) {
      const { status, err } = await runCommand(['sign', place, '--key', 'alice', '--days', days, ...keys])
      t.is(status, 0, err)
    }
  }
  const packed = new Map<string, Uint8Array>()
  for await (const { path, bytes } of unpackedFiles(await readFile(archive), defaultArchiveLimits))
    packed.set(path, bytes)
  const trust = { flamelet: 'f', keys: [key] }
  const soon = new Date(Date.now() + 1.5 * 24 * 60 * 60 * 1000).toISOString()
  t.notThrows(() => requireSigned(packed, trust, soon))
  const signature = await readFile(join(code, 'flame-signature.json'))
  t.notThrows(() => requireSigned(new Map([...content, ['flame-signature.json', signature]]), trust, soon))

  for (const [args, said] of [
    [['sign', code, '--key', 'bob'], /KEY_UNKNOWN/],
    [['sign', code, '--key', 'alice', '--days', '0'], /OPTION_VALUE/],
    [['sign', join(folder.path, 'none'), '--key', 'alice'], /FILE_UNREADABLE/],
    [['keys', 'create', 'alice'], /KEY_EXISTS/],
  ] as const) {
    const { status, err } = await runCommand([...args, ...keys])
    t.is(status, 2, err)
    t.regex(err, said)
  }
})
