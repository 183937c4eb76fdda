import { fileURLToPath } from 'node:url'
import test from 'ava'
import { forSeeds } from '../../../sdk/testing/index.ts'
import { runChild } from '../../../test/support/child-lines.ts'
import { type MongodbServer, mongodbServer } from '../../../test/support/mongodb-server.ts'
import { acknowledged, checkWhole } from '../../../test/support/stores.ts'
import { seededScheduler } from '../../index.ts'
import { mongodbStore } from './index.ts'

const writer = fileURLToPath(new URL('../../../test/support/store-writer.js', import.meta.url))

let server: MongodbServer

test.before(async () => {
  server = await mongodbServer()
})
test.after.always(() => server?.[Symbol.asyncDispose]())

test.serial(
  'a client killed at a random instant of its writing loses nothing acknowledged and leaves nothing half-made',
  async (t) => {
    await forSeeds(5, async (seed) => {
      const random = seededScheduler(seed + 1)
      const url = server.url()
      for (const life of [1, 2]) {
        const name = `${seed}-${life}`
        const killAt = 1 + random.pick(20)
        const laterMicroseconds = random.pick(20_000)
        let heard = 0
        const { lines, signal, err } = await runChild(process.execPath, [writer, url, name], (line, child) => {
          if (!line.startsWith('written')) return
          heard += 1
          if (heard !== killAt) return
          const until = performance.now() + laterMicroseconds / 1000
          while (performance.now() < until); // The instant within a write is what varies, so no timer's grain.
          child.kill('SIGKILL')
        })
        t.is(signal, 'SIGKILL', `${err} ${lines.join()}`)
        const store = await mongodbStore(url)
        await checkWhole(t, store, name, acknowledged(lines))
        t.true(acknowledged(lines) >= killAt)
        await store.close()
      }
    })
  },
)

test.serial(
  'a server killed under load and started again has lost nothing acknowledged, and its clients go on',
  async (t) => {
    const random = seededScheduler(1)
    const url = server.url()
    const kills = 4
    let killed = 0
    let killAt = 1 + random.pick(10)
    let restarting = Promise.resolve()
    let heard = 0
    const { lines, signal, err } = await runChild(process.execPath, [writer, url, '1'], (line, child) => {
      if (!line.startsWith('written')) return
      heard += 1
      if (heard !== killAt) return
      if (killed === kills) return void child.kill('SIGKILL')
      killed += 1
      restarting = server.kill().then(() => server.start())
      killAt += 2 + random.pick(10)
    })
    await restarting
    t.is(signal, 'SIGKILL', `${err} ${lines.join()}`)
    t.is(killed, kills)
    const store = await mongodbStore(url)
    await checkWhole(t, store, '1', acknowledged(lines))
    await store.close()
  },
)

test.serial('a call while the server is away is refused, and those after it has come back are not', async (t) => {
  const store = await mongodbStore(`${server.url()}&serverSelectionTimeoutMS=200`)
  t.teardown(() => store.close())
  await store.save('key', 0, Uint8Array.of(1))
  await store.append('key', Uint8Array.of(1))
  await server.kill()
  await t.throwsAsync(store.save('key', 1, Uint8Array.of(2)), { code: 'STORE_UNREACHABLE' })
  await t.throwsAsync(store.append('key', Uint8Array.of(2)), { code: 'STORE_UNREACHABLE' })
  await t.throwsAsync(store.load('key'), { code: 'STORE_UNREACHABLE' })
  await server.start()
  // The driver looks for the server from time to time.
  while (!(await store.load('key').catch(() => undefined)));
  t.is(await store.save('key', 1, Uint8Array.of(3)), 2)
  t.is(await store.append('key', Uint8Array.of(3)), 2)
})
