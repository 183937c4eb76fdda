import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { strToU8, unzipSync, zipSync } from 'fflate'
import { memoryStore } from '../../../runtime/index.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { defaultArchiveLimits } from '../../catalogue/archive.ts'
import { roleArchive, roleCodes } from './role-codes.ts'

const files = {
  'trainer/b.js': strToU8('b'),
  'trainer/a/deep.js': new Uint8Array(5000),
  'trainers/x.js': strToU8('another role, of a name that begins alike'),
  'boss/c.js': strToU8('c'),
  'README.md': strToU8('none'),
}

/** Writes another number of unpacked bytes for a file into the archive's directory (which is at its end). */
function claiming(archive: Uint8Array, path: string, sizeBytes: number): Uint8Array {
  const bytes = Buffer.from(archive)
  const at = bytes.lastIndexOf(path) - 46
  if (bytes.readUInt32LE(at) !== 0x02014b50) throw new Error('no entry of the directory')
  bytes.writeUInt32LE(sizeBytes, at + 24)
  return bytes
}

test("an archive is cut to a role's folder, to the same bytes however it was packed", async (t) => {
  const reversed = Object.fromEntries(Object.entries(files).toReversed())
  const [first, second] = await Promise.all([
    roleArchive(zipSync(files, { mtime: '2020-01-02', level: 0 }), 'trainer', { ...defaultArchiveLimits, ratio: 10 }),
    roleArchive(zipSync(reversed, { mtime: '2026-11-24', level: 9 }), 'trainer', defaultArchiveLimits),
  ])
  t.deepEqual(first, second)
  const { 'trainer/b.js': b, 'trainer/a/deep.js': deep } = files
  t.deepEqual(unzipSync(first), { 'trainer/a/deep.js': deep, 'trainer/b.js': b })
})

test('the bytes do not depend on the time zone', async (t) => {
  const { href } = new URL('./role-codes.js', import.meta.url)
  await using folder = await temporaryFolder()
  const archive = join(folder.path, 'code.zip')
  writeFileSync(archive, zipSync(files))
  const script = `import { readFileSync } from 'node:fs'; import { roleArchive } from '${href}'
    const cut = await roleArchive(readFileSync('${archive}'), 'trainer', { unpackedBytes: 1e6, files: 10, ratio: 100 })
    process.stdout.write(Buffer.from(cut).toString('base64'))`
  const [one, other] = ['Pacific/Kiritimati', 'America/Los_Angeles'].map((TZ) =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, TZ } }).toString(),
  )
  t.is(one, other)
  t.not(one, '')
})

const lies: readonly [string, Uint8Array, RegExp][] = [
  ['less than comes out', claiming(zipSync(files), 'trainer/a/deep.js', 4000), /too many bytes/],
  ['more than comes out', claiming(zipSync(files), 'trainer/a/deep.js', 6000), /not enough bytes/],
  ['a size of another file', claiming(zipSync(files, { level: 0 }), 'trainer/b.js', 2), /size mismatch|bytes/],
  ['no more than the limits and hides a bomb', zipSync({ 'trainer/x': new Uint8Array(3_000_000) }), /more than/],
]
for (const [title, archive, message] of lies)
  test(`an archive whose directory tells ${title} is refused`, async (t) => {
    await t.throwsAsync(roleArchive(archive, 'trainer', { ...defaultArchiveLimits, ratio: 50 }), {
      code: 'CODE_ARCHIVE',
      message,
    })
  })

test('an archive that is damaged anywhere is refused or unpacked, and nothing else', async (t) => {
  const archive = zipSync(files, { mtime: '2026-11-24' })
  for (let at = 0; at < archive.length; at++) {
    const damaged = Uint8Array.from(archive)
    damaged[at] = (damaged[at] ?? 0) ^ 0xff
    const ended = await roleArchive(damaged, 'trainer', defaultArchiveLimits).catch((cause: unknown) => cause)
    if (ended instanceof Error) t.like(ended, { code: 'CODE_ARCHIVE' }, `byte ${at}`)
  }
  for (let length = 0; length < archive.length; length++)
    await t.throwsAsync(roleArchive(archive.subarray(0, length), 'trainer', defaultArchiveLimits), {
      code: 'CODE_ARCHIVE',
    })
})

test('flamelets of one role that ask at once have its code cut once; what is asked for least goes first', async (t) => {
  const store = memoryStore()
  const archive = zipSync({ ...files, 'boss/big.js': crypto.getRandomValues(new Uint8Array(1000)) })
  for (const revision of [1, 2]) await store.putBlob(`code/s/${revision}`, [archive])
  let reads = 0
  const counted = {
    getBlob: (key: string) => {
      reads += 1
      return store.getBlob(key)
    },
  }
  const codes = roleCodes(counted, defaultArchiveLimits, 1500)
  const cut = await Promise.all(Array.from({ length: 1000 }, () => codes('s', 1, 'trainer')))
  t.is(new Set(cut).size, 1)
  t.is(reads, 1)
  await codes('s', 1, 'boss')
  await codes('s', 2, 'boss')
  t.is(reads, 3)
  await codes('s', 2, 'boss')
  t.is(reads, 3)
  await codes('s', 1, 'trainer')
  t.is(reads, 4)
  await t.throwsAsync(codes('s', 3, 'trainer'), { code: 'CODE_UNKNOWN' })
  await store.putBlob('code/s/3', [archive])
  t.true((await codes('s', 3, 'trainer')).length > 0)
})
