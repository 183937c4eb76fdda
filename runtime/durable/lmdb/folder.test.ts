import { chmod, mkdir, open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { runChild } from '../../../test/support/child-lines.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { all } from '../contract/store-under-test.ts'
import { lmdbStore } from './index.ts'

const writer = fileURLToPath(new URL('../../../test/support/store-writer.js', import.meta.url))

function value(number: number): Uint8Array {
  return new TextEncoder().encode(`entry ${number} ${'x'.repeat(400)}`)
}

/** A store with a few hundred values. */
async function filled(path: string): Promise<void> {
  const store = await lmdbStore(path)
  await Promise.all(Array.from({ length: 300 }, (_, i) => store.append('journal', value(i + 1))))
  await store.save('state', 0, value(0))
  await store.close()
}

async function contents(path: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of (await readdir(path)).toSorted())
    if (!['lock.mdb', 'flame-store.lock', 'flame-store.owner'].includes(name))
      found[name] = (await readFile(join(path, name))).toString('base64')
  return found
}

async function overwrite(path: string, position: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, position)
  await file.close()
}

test('a new folder, also deep, becomes a store; one with other files is refused and left alone', async (t) => {
  await using folder = await temporaryFolder()
  await (await lmdbStore(join(folder.path, 'a/b/c'))).close()
  for (const name of ['letters.txt', 'data.mdb']) {
    const foreign = join(folder.path, `with-${name}`)
    await mkdir(foreign)
    await writeFile(join(foreign, name), 'precious')
    await t.throwsAsync(lmdbStore(foreign), { code: 'STORE_FOREIGN', message: new RegExp(name) })
    t.deepEqual(await contents(foreign), { [name]: Buffer.from('precious').toString('base64') })
  }
})

test('a folder that cannot be made, though its parent is there, is refused at once', async (t) => {
  if (process.platform !== 'linux') {
    t.log('not tried: only Linux has such a folder')
    return t.pass()
  }
  await t.throwsAsync(lmdbStore('/proc/flame/state'), { code: 'STORE_LOST' })
})

test('another format, and a marker that is none, are refused and left alone', async (t) => {
  await using folder = await temporaryFolder()
  await filled(folder.path)
  const marker = join(folder.path, 'flame-store.json')
  for (const [text, code] of [
    ['{"format":4}', 'STORE_FORMAT'],
    ['{"format":"1"}', 'STORE_DAMAGED'],
    ['null', 'STORE_DAMAGED'],
    ['{"form', 'STORE_DAMAGED'],
    ['', 'STORE_DAMAGED'],
  ] as const) {
    await writeFile(marker, text)
    const before = await contents(folder.path)
    await t.throwsAsync(lmdbStore(folder.path), { code }, text)
    t.deepEqual(await contents(folder.path), before)
  }
})

test('a store of an earlier format is raised to this one once it is owned, and finds what it held', async (t) => {
  await using folder = await temporaryFolder()
  const marker = join(folder.path, 'flame-store.json')
  const store = await lmdbStore(folder.path)
  await store.documents.insert(
    'c',
    Array.from({ length: 10 }, (_, i) => ({ id: String(i), fields: { odd: i % 2 } })),
  )
  await writeFile(marker, '{"format":1}')
  await t.throwsAsync(lmdbStore(folder.path), { code: 'STORE_IN_USE' })
  t.is(await readFile(marker, 'utf8'), '{"format":1}')
  await store.close()
  const raised = await lmdbStore(folder.path)
  t.like(JSON.parse(await readFile(marker, 'utf8')), { format: 3 })
  t.is((await all(raised.documents.find('c', { where: { odd: 1 } }))).length, 5)
  await raised.close()
})

test('a folder whose making was interrupted becomes a store', async (t) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'flame-store.json.new'), '{"form')
  await (await lmdbStore(folder.path)).close()
  await truncate(join(folder.path, 'data.mdb'), 0)
  const store = await lmdbStore(folder.path)
  t.is(await store.load('state'), undefined)
  await store.close()
})

test('data that was cut short, or does not begin as it should, is refused and left alone', async (t) => {
  await using folder = await temporaryFolder()
  await filled(folder.path)
  const data = join(folder.path, 'data.mdb')
  const { size } = await stat(data)
  for (const length of [size - 1, size - 4096, 3 * 4096, 5000, 100, 1]) {
    await truncate(data, length)
    const before = await contents(folder.path)
    await t.throwsAsync(lmdbStore(folder.path), { code: 'STORE_DAMAGED' }, `cut to ${length}`)
    t.deepEqual(await contents(folder.path), before)
  }
})

test('a garbled beginning is refused and left alone', async (t) => {
  for (const [from, length] of [
    [0, 8192],
    [0, 4096],
    [24, 4],
    [48, 4],
    [4096, 4096],
  ] as const) {
    await using folder = await temporaryFolder()
    await filled(folder.path)
    await overwrite(join(folder.path, 'data.mdb'), from, Buffer.alloc(length, 0xa5))
    const before = await contents(folder.path)
    await t.throwsAsync(lmdbStore(folder.path), { code: 'STORE_DAMAGED' }, `${length} bytes from ${from}`)
    t.deepEqual(await contents(folder.path), before)
  }
})

test('a flipped bit in a value is found by whoever reads it, and the others are still given', async (t) => {
  await using folder = await temporaryFolder()
  await filled(folder.path)
  const data = join(folder.path, 'data.mdb')
  const file = await readFile(data)
  // Every copy, including those on pages that are no longer used.
  for (let at = file.indexOf('entry 299 '); at >= 0; at = file.indexOf('entry 299 ', at + 1))
    await overwrite(data, at + 15, Buffer.of((file[at + 15] ?? 0) ^ 0x10))
  const store = await lmdbStore(folder.path)
  t.deepEqual((await store.load('state'))?.bytes, value(0))
  let given = 0
  await t.throwsAsync(
    async () => {
      for await (const _ of store.read('journal')) given += 1
    },
    { code: 'STORE_DAMAGED' },
  )
  t.is(given, 298)
  t.is(await store.append('journal', value(301)), 301)
  t.is((await all(store.read('journal', { from: 301 }))).length, 1)
  await store.close()
})

test('a file in place of the folder, and a folder without permission, are refused', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, 'text')
  await t.throwsAsync(lmdbStore(file), { code: 'STORE_DENIED' })
  await t.throwsAsync(lmdbStore(join(file, 'below')), { code: 'STORE_DENIED' })
  t.is(await readFile(file, 'utf8'), 'text')

  // Root may do everything, so a child process without root's rights tries it.
  const closed = join(folder.path, 'closed')
  await filled(closed)
  await chmod(folder.path, 0o755)
  await chmod(closed, 0o555)
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const { lines } = await runChild(process.execPath, [writer, closed, '1'], () => {}, user)
  t.deepEqual(lines, ['refused STORE_DENIED'])
  await chmod(closed, 0o755)
})
