import test from 'ava'
import { zipSync } from 'fflate'
import { zipOf } from '../../../test/support/catalogue-stage.ts'
import { defaultArchiveLimits, listArchive, topFolders } from './archive.ts'

const refused: readonly [string, Uint8Array, RegExp][] = [
  ['bytes that are no zip', Uint8Array.of(1, 2, 3), /it is no zip/],
  ['an empty archive', zipOf(), /no file/],
  ['a path that leaves the archive', zipOf('a/../../etc/passwd'), /names "a\/..\/..\/etc/],
  ['a path from the root', zipOf('/etc/passwd'), /names "\/etc/],
  ['a path with a backslash', zipOf('a\\b'), /names/],
  ['a path with a drive', zipOf('C:/a'), /names/],
  ['too many files', zipOf('a/1', 'a/2', 'a/3', 'a/4', 'a/5'), /holds 5 entries/],
  ['too much within', zipSync({ 'a/x': crypto.getRandomValues(new Uint8Array(2000)) }), /unpacks to 2000/],
  ['too much for its size', zipSync({ 'a/x': new Uint8Array(990) }), /unpacks to 990/],
]
for (const [title, bytes, message] of refused)
  test(`${title} is refused`, (t) => {
    t.throws(() => listArchive(bytes, { unpackedBytes: 1000, files: 4, ratio: 4 }), { code: 'CODE_ARCHIVE', message })
  })

test('a list tells the files, and its folders at the top tell the roles', (t) => {
  const files = listArchive(zipOf('trainer/a.js', 'trainer/lib/b.js', 'boss/c.js', 'README.md'), defaultArchiveLimits)
  t.deepEqual(
    files.map(({ path }) => path),
    ['trainer/a.js', 'trainer/lib/b.js', 'boss/c.js', 'README.md'],
  )
  t.deepEqual(topFolders(files), ['trainer', 'boss'])
})
