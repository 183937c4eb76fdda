import test from 'ava'
import { strToU8, type Zippable, zipSync } from 'fflate'
import { zipOf } from '../../test/support/stored-job.ts'
import { checkedArchive, defaultArchiveLimits, topFolders, unpackedFiles } from './archive.ts'

const directoryMark = 0x02014b50
const fileMark = 0x04034b50

/** Changes each header in an archive: those of its directory, and those before its files. */
function patched(archive: Uint8Array, change: (header: Buffer, isOfDirectory: boolean) => void): Uint8Array {
  const bytes = Buffer.from(archive)
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const mark = bytes.readUInt32LE(at)
    if (mark === directoryMark || mark === fileMark) change(bytes.subarray(at), mark === directoryMark)
  }
  return bytes
}

/** Writes 16 bits into each header. `at`: the field's offset in a header before a file. */
function withField(archive: Uint8Array, at: number, value: number): Uint8Array {
  return patched(archive, (header, isOfDirectory) => header.writeUInt16LE(value, isOfDirectory ? at + 2 : at))
}

/** Replaces a name by other bytes of the same number, as another system would write the name. */
function renamed(archive: Uint8Array, from: string, to: string | Buffer): Uint8Array {
  const [old, bytes, copy] = [Buffer.from(from), Buffer.from(to), Buffer.from(archive)]
  for (let at = copy.indexOf(old); at !== -1; at = copy.indexOf(old, at + 1)) bytes.copy(copy, at)
  return copy
}

function withLinks(links: Readonly<Record<string, string>>, files: Zippable = {}): Uint8Array {
  const entries = Object.entries(links).map(([path, target]) => [
    path,
    [strToU8(target), { os: 3, attrs: (0o120777 << 16) >>> 0 }],
  ])
  return zipSync({ ...Object.fromEntries(entries), ...files })
}

async function unpacked(archive: Uint8Array): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { path, bytes } of unpackedFiles(archive, defaultArchiveLimits))
    found[path] = new TextDecoder().decode(bytes)
  return found
}

const code = { 'trainer/a.js': strToU8('a'), 'trainer/lib/b.js': strToU8('b') }
const damaged = Buffer.from(zipSync({ 'trainer/a.js': [strToU8('some text'), { level: 0 }] }))
damaged[damaged.indexOf('some')] = 0x53

const refused: readonly [string, Uint8Array, RegExp][] = [
  ['bytes that are no zip', Uint8Array.of(1, 2, 3), /it is no zip/],
  ['an archive whose end is lost', zipSync(code).subarray(0, -30), /it is no zip, or not a whole one/],
  ['an empty archive', zipOf(), /no file/],
  ['a path that leaves the archive', zipOf('a/../../etc/passwd'), /names "a\/..\/..\/etc/],
  ['a path that leaves the archive by backslashes', zipOf('a\\..\\..\\b'), /names "a\/..\/..\/b/],
  ['a path from the root', zipOf('/etc/passwd'), /names "\/etc/],
  ['a path with a drive', zipOf('C:\\a'), /names "C:\/a"/],
  ['a path with a control character', zipOf('a/b\nc'), /names "a\/b\\nc"/],
  ['too many files', zipOf('a/1', 'a/2', 'a/3', 'a/4', 'a/5'), /holds 5 entries/],
  ['too much within', zipSync({ 'a/x': crypto.getRandomValues(new Uint8Array(2000)) }), /unpacks to 2000/],
  ['too much for its size', zipSync({ 'a/x': new Uint8Array(990) }), /unpacks to 990/],
  ['a file twice', renamed(zipOf('a/x', 'a/y'), 'a/y', 'a/x'), /names "a\/x" twice/],
  ['one name in two forms of Unicode', zipOf('a/\u00f6', 'a/o\u0308'), /names "a\/\u00f6" twice/],
  ['names that differ in case alone', zipOf('a/Code.js', 'a/code.js'), /names "a\/Code.js" and "a\/code.js"/],
  ['a name for a file and a folder', zipOf('a/b', 'a/b/c'), /"a\/b" is a file in it, and a folder/],
  ['a damaged member', damaged, /"trainer\/a.js" is damaged: its check sum/],
  ['an encrypted member', withField(zipOf('a/x'), 6, 1), /"a\/x" is encrypted/],
  ['a member packed otherwise', withField(zipOf('a/x'), 8, 12), /"a\/x" is packed by method 12/],
  ['a link out of the archive', withLinks({ 'a/x': '../../etc/passwd' }), /"a\/x" is a symbolic link to "..\/etc\/pas/],
  ['a link from the root', withLinks({ 'a/x': '/a/y' }, { 'a/y': strToU8('y') }), /"a\/x" is a symbolic link/],
  ['a link to a folder', withLinks({ 'a/x': '../b' }, { 'b/y': strToU8('y') }), /"a\/x" is a symbolic link to "b"/],
  ['links in a circle', withLinks({ 'a/x': 'y', 'a/y': 'x' }), /"a\/x" is a symbolic link/],
  ['a device', zipSync({ 'a/x': [strToU8(''), { os: 3, attrs: (0o060644 << 16) >>> 0 }] }), /"a\/x" is a device/],
]
for (const [title, bytes, message] of refused)
  test(`${title} is refused`, async (t) => {
    await t.throwsAsync(checkedArchive(bytes, { unpackedBytes: 1000, files: 4, ratio: 4 }), {
      code: 'CODE_ARCHIVE',
      message,
    })
  })

const own = { 'trainer/gr\u00f6\u00dfe.js': 'g', 'trainer/a.js': 'a' }
const packed = zipSync({ 'trainer/gr\u00f6\u00dfe.js': strToU8('g'), 'trainer/a.js': strToU8('a') })
const others: readonly [string, Uint8Array, Record<string, string>][] = [
  ['names in UTF-8 that say so', packed, own],
  ['names in UTF-8 that do not say so, as of macOS', withField(packed, 6, 0), own],
  [
    'names in the code page of the IBM PC',
    withField(renamed(zipOf('a/xx.js'), 'a/xx', Buffer.from([0x61, 0x2f, 0x94, 0xe1])), 6, 0),
    { 'a/\u00f6\u00df.js': '// a/xx.js\n' },
  ],
  ['names in decomposed Unicode', zipSync({ 'a/o\u0308.js': strToU8('o') }), { 'a/\u00f6.js': 'o' }],
  [
    'backslashes, as of PowerShell 5',
    zipSync({ 'trainer\\': strToU8(''), 'trainer\\lib\\b.js': strToU8('b') }),
    { 'trainer/lib/b.js': 'b' },
  ],
  [
    'dots and slashes too many',
    zipSync({ './': strToU8(''), './a//b/./c.js': strToU8('c'), './/d.js': strToU8('d') }),
    { 'a/b/c.js': 'c', 'd.js': 'd' },
  ],
  [
    'files of macOS beside those of a person',
    zipSync({
      ...code,
      '__MACOSX/trainer/._a.js': strToU8('x'),
      '.DS_Store': strToU8('x'),
      'trainer/.DS_Store': strToU8('x'),
    }),
    { 'trainer/a.js': 'a', 'trainer/lib/b.js': 'b' },
  ],
  [
    'links to files within it',
    withLinks({ 'boss/x.js': '../trainer/lib/y.js', 'trainer/lib/y.js': './b.js' }, code),
    { 'boss/x.js': 'b', 'trainer/lib/y.js': 'b', 'trainer/a.js': 'a', 'trainer/lib/b.js': 'b' },
  ],
]
for (const [title, archive, files] of others)
  test(`an archive with ${title} is unpacked to the same paths everywhere`, async (t) => {
    t.deepEqual(await unpacked(archive), files)
    const listed = await checkedArchive(archive, defaultArchiveLimits)
    t.deepEqual(listed.map(({ path }) => path).toSorted(), Object.keys(files).toSorted())
  })

test('the folders at the top tell the roles', async (t) => {
  const paths = ['trainer/a.js', 'trainer/lib/b.js', 'boss/c.js', 'README.md']
  const files = await checkedArchive(zipOf(...paths), defaultArchiveLimits)
  t.deepEqual(
    files.map(({ path }) => path),
    paths,
  )
  t.deepEqual(topFolders(files), ['trainer', 'boss'])
})

test('a large archive is checked in many turns, and others have theirs between', async (t) => {
  const large = new Uint8Array(5_000_000).map((_, at) => (at * 2654435761) >>> 24)
  const archive = zipSync({ 'a/large': [large, { level: 1 }], 'a/stored': [large, { level: 0 }] })
  let turns = 0
  let isChecked = false
  const turn = () => {
    turns += 1
    if (!isChecked) setImmediate(turn)
  }
  turn()
  await checkedArchive(archive, { unpackedBytes: 100_000_000, files: 10, ratio: 100 })
  isChecked = true
  t.true(turns > 20, String(turns))
})
