import test from 'ava'
import { type LossyProxy, lossyProxy, type MongodbServer, mongodbServer } from '../../../test/support/mongodb-server.ts'
import { all, blob, bytes, journal, pattern } from '../contract/store-under-test.ts'
import { mongodbStore } from './index.ts'

let server: MongodbServer
let proxy: LossyProxy
/** Number of next writes that lose their answer. */
let toLose = 0

test.before(async () => {
  server = await mongodbServer()
  proxy = await lossyProxy(server.port, () => toLose-- > 0)
})
test.after.always(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

test.serial('a write whose answer is lost is made once, and answered', async (t) => {
  const url = server.url()
  const store = await mongodbStore(url.replace(`:${server.port}`, `:${proxy.port}`))
  const { documents } = store
  const big = pattern(700_000, 1)
  const losing = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const before = proxy.lost
    toLose = 1
    const result = await work()
    t.is(proxy.lost, before + 1)
    return result
  }
  t.is(await losing(() => store.append('key', bytes('a'))), 1)
  t.is(await losing(() => store.append('key', bytes('b'))), 2)
  t.is(await losing(() => store.append('key', bytes('c'), { expected: 3 })), 3)
  t.deepEqual(
    await losing(() =>
      Promise.all(['d', 'e'].map((text) => store.append('key', bytes(text), { expected: 4 }).catch(() => 0))),
    ),
    [4, 0],
  )
  t.deepEqual(await journal(store, 'key'), ['1:a', '2:b', '3:c', '4:d'])
  await losing(() => store.truncate('key', 3))
  t.deepEqual(await journal(store, 'key'), ['4:d'])
  t.is(await losing(() => store.append('big', big)), 1)
  t.is((await all(store.read('big'))).length, 1)

  t.is(await losing(() => store.save('new', 0, bytes('x'))), 1)
  t.is(await losing(() => store.save('new', 1, bytes('y'))), 2)
  t.is(await losing(() => store.save('new', 2, big)), 3)
  t.deepEqual(await store.load('new'), { version: 3, bytes: big })
  await losing(() => store.remove('new'))
  t.is(await store.load('new'), undefined)

  await losing(() => documents.insert('c', [{ id: 'a', fields: { n: 1 } }]))
  t.is(await losing(() => documents.replace('c', 'a', 1, { n: 2 })), 2)
  const two = ['b', 'c'].map((id) => ({ id, fields: { n: 3 } }))
  await losing(() => documents.insert('c', two))
  await t.throwsAsync(
    losing(() => documents.insert('c', two)),
    { code: 'STORE_EXISTS' },
  )
  t.true(await losing(() => documents.remove('c', 'b')))
  t.deepEqual(
    (await all(documents.find('c'))).map(({ id, version }) => [id, version]),
    [
      ['a', 2],
      ['c', 1],
    ],
  )

  await losing(() => documents.removeAll('c', ['a', 'b']))
  t.deepEqual(
    (await all(documents.find('c'))).map(({ id }) => id),
    ['c'],
  )

  await losing(() => store.putBlob('blob', [big]))
  t.deepEqual(await blob(store, 'blob'), big)
  await losing(() => store.removeBlob('blob'))
  t.is(await store.getBlob('blob'), undefined)
  await store.close()
})

test.serial('whichever of the writes that a call makes loses its answer, the call has its effect once', async (t) => {
  const url = server.url()
  const store = await mongodbStore(url)
  const big = pattern(400_000, 2)
  let skip = -1
  const late = await lossyProxy(server.port, () => skip-- === 0)
  const over = await mongodbStore(url.replace(`:${server.port}`, `:${late.port}`))
  t.teardown(async () => {
    await over.close()
    await late[Symbol.asyncDispose]()
    await store.close()
  })
  for (let skipped = 0; skipped < 5; skipped++) {
    const id = String(skipped)
    const members = ['x', 'y'].map((name) => ({ id: `${id}${name}`, fields: { n: 1 } }))
    const calls = [
      () => over.documents.insert('c', members),
      () => over.save(id, 0, big),
      () => over.append(id, big),
      () => over.putBlob(id, [big]),
    ]
    for (const call of calls) {
      skip = skipped
      await call()
    }
    t.deepEqual(await store.load(id), { version: 1, bytes: big })
    t.deepEqual(await all(store.read(id)), [{ number: 1, bytes: big }])
    t.deepEqual(await blob(store, id), big)
  }
  t.true(late.lost >= 12, `${late.lost} answers were lost`)
  t.is((await all(store.documents.find('c', { where: { n: 1 } }))).length, 10)
})
