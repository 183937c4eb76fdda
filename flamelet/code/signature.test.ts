import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { keyFolder, publicKeyOf, type SigningKey, trustedKeys } from './keys.ts'
import { requireSigned, signatureFile, signedCode } from './signature.ts'

const now = '2026-03-01T00:00:00.000Z'
const about = { name: 'wards', signedAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-06-01T00:00:00.000Z' }
const text = (content: string) => new TextEncoder().encode(content)
const code = new Map([
  ['trainer/workload.ts', text('export default 1')],
  ['trainer/näher.ts', text('')],
])
const signedBy = (key: SigningKey, files = code, claim = about) =>
  new Map([...files, [signatureFile, signedCode(files, key, claim)]])

test('code that a trusted key has signed is run until the signature is over', async (t) => {
  await using folder = await temporaryFolder()
  const keys = keyFolder(join(folder.path, 'keys'))
  const alice = await keys.create('alice')
  const bob = await keys.create('bob')
  t.deepEqual((await keys.read('alice')).publicKey, alice.publicKey)
  t.deepEqual(await keys.names(), ['alice', 'bob'])
  const signed = signedBy(alice)
  const trust = { flamelet: 'f', keys: [bob.publicKey, alice.publicKey] }
  t.notThrows(() => requireSigned(signed, trust, now))
  const decomposed = new Map([...signed].map(([path, bytes]) => [path.normalize('NFD'), bytes] as const))
  t.notThrows(() => requireSigned(new Map([...decomposed].toReversed()), trust, now), 'in any order and form of names')
  t.throws(() => requireSigned(signed, trust, about.expiresAt), { code: 'CODE_EXPIRED', message: /wards/ })
  t.throws(() => requireSigned(signed, { flamelet: 'f', keys: [bob.publicKey] }, now), {
    code: 'CODE_SIGNER',
    message: new RegExp(alice.publicKey),
  })
  t.throws(() => requireSigned(code, trust, now), { code: 'CODE_UNSIGNED' })
  t.throws(() => requireSigned(signed, { flamelet: 'f', keys: [] }, now), { code: 'CODE_SIGNER' })
  t.notThrows(() => requireSigned(code, { flamelet: 'f', keys: 'any' }, now))
})

test('whatever is changed after signing is refused', async (t) => {
  await using folder = await temporaryFolder()
  const keys = keyFolder(folder.path)
  const [alice, bob] = [await keys.create('alice'), await keys.create('bob')]
  const trust = { flamelet: 'f', keys: [alice.publicKey] }
  const signed = signedBy(alice)
  const refused = (files: ReadonlyMap<string, Uint8Array>, what: string) =>
    t.throws(() => requireSigned(files, trust, now), { code: 'CODE_SIGNATURE' }, what)
  refused(new Map([...signed, ['trainer/workload.ts', text('export default 2')]]), 'a changed file')
  refused(new Map([...signed, ['trainer/more.ts', text('')]]), 'an added file')
  refused(new Map([...signed].filter(([path]) => path !== 'trainer/näher.ts')), 'a removed file')
  const renamed = [...signed].map(([path, bytes]) => [path.replace('workload', 'other'), bytes] as const)
  refused(new Map(renamed), 'a renamed file')

  const claim: Record<string, unknown> = JSON.parse(Buffer.from(signed.get(signatureFile) ?? []).toString())
  const foreign: Record<string, unknown> = JSON.parse(Buffer.from(signedCode(code, bob, about)).toString())
  for (const change of [
    { expiresAt: '2027-01-01T00:00:00.000Z' },
    { name: 'other' },
    { signature: foreign.signature },
    { digest: '0'.repeat(64) },
    { format: 2 },
    { more: 1 },
    { signature: 'x' },
    { name: 'a\nb' },
  ])
    refused(
      new Map([...signed, [signatureFile, text(JSON.stringify({ ...claim, ...change }))]]),
      JSON.stringify(change),
    )
  for (const bytes of [text('{'), Uint8Array.of(0xff), text('null'), new Uint8Array(20_000)])
    refused(new Map([...signed, [signatureFile, bytes]]), 'no signature')
  // A key that signs for another: the text of the trusted key beside the signature of another.
  const posed = { ...foreign, key: alice.publicKey }
  refused(new Map([...signed, [signatureFile, text(JSON.stringify(posed))]]), 'a key that did not sign')
})

test('keys are not replaced, must be private, and are given as text or as a file', async (t) => {
  await using folder = await temporaryFolder()
  const keys = keyFolder(folder.path)
  const { publicKey } = await keys.create('alice')
  await t.throwsAsync(keys.create('alice'), { code: 'KEY_EXISTS' })
  await t.throwsAsync(keys.read('bob'), { code: 'KEY_UNKNOWN' })
  await t.throwsAsync(keys.create('../alice'), { code: 'KEY_INVALID' })
  t.deepEqual(await keyFolder(join(folder.path, 'none')).names(), [])

  const listed = join(folder.path, 'trusted')
  await writeFile(listed, `# ours\n${publicKey} # alice\n\n`)
  t.deepEqual(await trustedKeys([listed, publicKey]), [publicKey])
  await t.throwsAsync(trustedKeys([join(folder.path, 'missing')]), { code: 'KEY_FILE' })
  await t.throwsAsync(trustedKeys([`${publicKey}x`]), { code: 'KEY_INVALID' })
  t.throws(() => publicKeyOf(`ed25519:${'!'.repeat(43)}`), { code: 'KEY_INVALID' })

  if (process.platform === 'win32') return
  const file = join(folder.path, 'alice.key')
  await chmod(file, 0o644)
  await t.throwsAsync(keys.read('alice'), { code: 'KEY_FILE', message: /644/ })
  await chmod(file, 0o600)
  const pem = await readFile(file, 'utf8')
  await writeFile(file, pem.slice(0, 60))
  const damaged = await t.throwsAsync(keys.read('alice'), { code: 'KEY_FILE' })
  t.false(damaged?.message.includes(pem.slice(30, 50)))
})
