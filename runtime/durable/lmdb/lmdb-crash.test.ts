import { execFileSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { forSeeds } from '../../../sdk/testing/index.ts'
import { type EndedChild, runChild } from '../../../test/support/child-lines.ts'
import { acknowledged, checkWhole } from '../../../test/support/stores.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { type Store, seededScheduler } from '../../index.ts'
import { lmdbStore } from './index.ts'

const writer = fileURLToPath(new URL('../../../test/support/store-writer.js', import.meta.url))

test('a process killed at a random instant of its writing loses nothing acknowledged and leaves nothing half-made', async (t) => {
  await forSeeds(6, async (seed) => {
    const random = seededScheduler(seed + 1)
    await using folder = await temporaryFolder()
    for (const life of [1, 2]) {
      const name = `${seed}-${life}`
      const killAt = 1 + random.pick(60)
      const laterMicroseconds = random.pick(3000)
      let heard = 0
      const { lines, signal, err } = await runChild(process.execPath, [writer, folder.path, name], (line, child) => {
        if (!line.startsWith('written')) return
        heard += 1
        if (heard !== killAt) return
        const until = performance.now() + laterMicroseconds / 1000
        while (performance.now() < until); // The instant within a write is what varies, so no timer's grain.
        child.kill('SIGKILL')
      })
      t.is(signal, 'SIGKILL', err)
      const store = await lmdbStore(folder.path)
      await checkWhole(t, store, name, acknowledged(lines))
      t.true(acknowledged(lines) >= killAt)
      await store.close()
    }
  })
})

test('a folder in use by a living process is refused with its number, and free when that is killed', async (t) => {
  await using folder = await temporaryFolder()
  let refused: Promise<unknown> | undefined
  const { lines } = await runChild(process.execPath, [writer, folder.path, '1'], (line, child) => {
    if (line !== 'written 3 5 6') return
    refused = t.throwsAsync(lmdbStore(folder.path), {
      code: 'STORE_IN_USE',
      message: new RegExp(`process ${child.pid}`),
    })
    void refused.then(() => child.kill('SIGKILL'))
  })
  await refused
  t.truthy(refused)
  const store = await lmdbStore(folder.path)
  await t.throwsAsync(lmdbStore(folder.path), { code: 'STORE_IN_USE' })
  await checkWhole(t, store, '1', acknowledged(lines))
  await store.close()
  await (await lmdbStore(folder.path)).close()
})

test('the lock alone says whether a folder is taken, whatever is written beside it', async (t) => {
  await using folder = await temporaryFolder()
  const owner = join(folder.path, 'flame-store.owner')
  const store = await lmdbStore(folder.path)
  await writeFile(owner, 'process 4194304 of another container\n')
  await t.throwsAsync(lmdbStore(folder.path), { code: 'STORE_IN_USE', message: /process 4194304 of another container/ })
  const { lines } = await runChild(process.execPath, [writer, folder.path, '1'])
  t.deepEqual(lines, ['refused STORE_IN_USE'])
  await rm(owner)
  await t.throwsAsync(lmdbStore(folder.path), { code: 'STORE_IN_USE', message: /another process/ })
  await store.close()
  await writeFile(owner, `process ${process.pid} of this machine\n`)
  await (await lmdbStore(folder.path)).close()
})

test('an owner in another container is seen, though both have the same number of a process', async (t) => {
  await using folder = await temporaryFolder()
  const contained = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, writer, folder.path]
  let second: Promise<EndedChild> | undefined
  const first = await runChild('unshare', [...contained, '1'], (line, child) => {
    if (!line.startsWith('written 3 ')) return
    second = runChild('unshare', [...contained, '2'])
    void second.then(() => child.kill('SIGKILL'))
  })
  if (!second) {
    t.regex(first.err, /unshare/)
    t.log('not tried: no namespaces can be made here')
    return
  }
  t.deepEqual((await second).lines, ['refused STORE_IN_USE'])
  // The contained process ends a moment after its container.
  let store: Store | undefined
  while (!store) store = await lmdbStore(folder.path).catch(() => undefined)
  await checkWhole(t, store, '1', acknowledged(first.lines))
  await store.close()
})

test('where files cannot be locked, a store is refused with what to do', async (t) => {
  await using folder = await temporaryFolder()
  const without = `import module from 'node:module'
    const { _load } = module
    module._load = (name, ...more) => {
      if (name === 'fs-native-extensions') throw new Error('there is none for this platform')
      return _load(name, ...more)
    }`
  const hidden = `data:text/javascript,${encodeURIComponent(without)}`
  const { lines } = await runChild(process.execPath, ['--import', hidden, writer, folder.path, '1'])
  t.deepEqual(lines, ['refused STORE_LOCK'])
  await (await lmdbStore(folder.path)).close()
})

test('of many processes that find a killed owner at once, one becomes the next', async (t) => {
  await using folder = await temporaryFolder()
  await runChild(process.execPath, [writer, folder.path, '0'], (_, child) => void child.kill('SIGKILL'))
  let open = 0
  const heard: string[] = []
  const children: (() => void)[] = []
  const runs = ['1', '2', '3', '4'].map((seed) =>
    runChild(process.execPath, [writer, folder.path, seed], (line, child) => {
      if (line !== 'open' && !line.startsWith('refused')) return
      heard.push(line)
      if (line === 'open') open += 1
      children.push(() => child.kill('SIGKILL'))
      if (heard.length === 4) for (const kill of children) kill()
    }),
  )
  await Promise.all(runs)
  t.is(open, 1)
  t.deepEqual(heard.toSorted(), ['open', 'refused STORE_IN_USE', 'refused STORE_IN_USE', 'refused STORE_IN_USE'])
})

test('where no more can be written, a write is refused by STORE_FULL, and what was acknowledged stays', async (t) => {
  await using folder = await temporaryFolder()
  // A limit on the size of files, no multiple of a page, in units of 512 bytes.
  const command = `ulimit -f 4001; exec "${process.execPath}" "${writer}" "${folder.path}/s" 1 3000`
  const { lines, err } = await runChild('/bin/sh', ['-c', command])
  t.true(lines.includes('refused STORE_FULL'), err)
  t.true(lines.includes('closed'), 'the store still closes')
  const last = acknowledged(lines)
  t.true(last > 10)
  const store = await lmdbStore(`${folder.path}/s`)
  await checkWhole(t, store, '1', last)
  t.is(await store.save('more', 0, new Uint8Array(100)), 1)
  await store.close()
})

test('a full disk is seen before it is written to', async (t) => {
  await using folder = await temporaryFolder()
  try {
    execFileSync('/bin/sh', ['-c', `mount -t tmpfs -o size=2m tmpfs '${folder.path}'`], { stdio: 'ignore' })
  } catch {
    t.log('not tried: no file system can be mounted here')
    return t.pass()
  }
  try {
    const { lines, err, status } = await runChild(process.execPath, [writer, `${folder.path}/s`, '1', '3000'])
    t.is(status, 0, err)
    t.is(err, '')
    t.true(lines.includes('refused STORE_FULL'))
    const last = acknowledged(lines)
    t.true(last > 5)
    t.is(lines.at(-1), 'closed')
    // Another opening neither fails nor loses data.
    const store = await lmdbStore(`${folder.path}/s`)
    await checkWhole(t, store, '1', last)
    await store.close()
  } finally {
    // Lazily, since a process that another test is just starting may still hold the mount.
    execFileSync('/bin/sh', ['-c', `umount -l '${folder.path}'`])
  }
})
