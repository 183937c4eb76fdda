import test from 'ava'
import { type Db, MongoClient, ObjectId } from 'mongodb'
import { type MongodbServer, mongodbServer } from '../../../test/support/mongodb-server.ts'
import { all, bytes, pattern } from '../contract/store-under-test.ts'
import type { Store } from '../store.ts'
import { mongodbStore } from './index.ts'

let server: MongodbServer

test.before(async () => {
  server = await mongodbServer()
})
test.after.always(() => server?.[Symbol.asyncDispose]())

/** A new store, and its database for other clients. */
async function opened(): Promise<
  AsyncDisposable & { readonly store: Store; readonly database: Db; readonly url: string }
> {
  const url = server.url()
  const store = await mongodbStore(url)
  const client = new MongoClient(url)
  return {
    url,
    store,
    database: client.db(),
    async [Symbol.asyncDispose]() {
      await store.close()
      await client.close()
    },
  }
}

/** For each of the store's own collections with documents, their number. */
async function left(database: Db): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const name of ['states', 'segments', 'chunks', 'blobs', 'removals', 'batches']) {
    const count = await database.collection(`flame.${name}`).countDocuments()
    if (count > 0) found[name] = count
  }
  return found
}

test('a document is one of the collection of its name, with its fields at the top, and found by an index', async (t) => {
  await using both = await opened()
  const { store, database } = both
  const fields = {
    state: 'running',
    workers: 3,
    rate: 0.5,
    settings: { 'learning.rate': 0.1, $set: [1, null] },
    _id: 'x',
  }
  await store.documents.insert('jobs', [{ id: 'mnist-1', fields }])
  const { _write, ...found } =
    (await database.collection<{ _id: string; _write: unknown }>('jobs').findOne({ _id: 'mnist-1' })) ?? {}
  t.truthy(_write)
  t.deepEqual<unknown, unknown>(found, {
    _id: 'mnist-1',
    _version: 1,
    state: 'running',
    workers: 3,
    rate: 0.5,
    settings: { 'learning%2Erate': 0.1, '%24set': [1, null] },
    '%5Fid': 'x',
  })
  t.deepEqual(await all(store.documents.find('jobs', { where: { state: 'running' } })), [
    { id: 'mnist-1', version: 1, fields },
  ])
  const indexes = await database.collection('jobs').indexes()
  t.deepEqual(
    indexes.map(({ key }) => key),
    [{ _id: 1 }, { state: 1, _id: 1 }],
  )
  t.deepEqual(await all(store.documents.find('jobs', { where: { _id: 'y' } })), [])
})

test('a value is not found within a list, nor null where there is none', async (t) => {
  await using both = await opened()
  const { documents } = both.store
  await documents.insert('c', [
    { id: 'list', fields: { tag: ['a', null] } },
    { id: 'none', fields: {} },
    { id: 'null', fields: { tag: null } },
    { id: 'text', fields: { tag: 'a' } },
  ])
  const ids = async (tag: string | null) =>
    (await all(documents.find('c', { where: { tag }, limit: 1 }))).map(({ id }) => id)
  t.deepEqual(await ids('a'), ['text'])
  t.deepEqual(await ids(null), ['null'])
})

test('snapshots and entries larger than a document of MongoDB are kept, and their chunks taken away with them', async (t) => {
  await using both = await opened()
  const { store, database } = both
  const big = pattern(17 * 1024 * 1024, 3)
  t.is(await store.save('key', 0, big), 1)
  t.is(await store.append('key', bytes('small')), 1)
  t.is(await store.append('key', big), 2)
  t.is(Buffer.compare((await store.load('key'))?.bytes ?? bytes(''), big), 0)
  const entries = await all(store.read('key'))
  t.deepEqual(
    entries.map(({ number, bytes: { length } }) => [number, length]),
    [
      [1, 5],
      [2, big.length],
    ],
  )
  t.deepEqual(await left(database), { states: 1, chunks: 136 })
  await store.save('key', 1, bytes('small'))
  t.deepEqual(await left(database), { states: 1, chunks: 68 })
  await store.truncate('key', 2)
  t.deepEqual(await left(database), { states: 1 })
})

test('a document larger than MongoDB takes is refused', async (t) => {
  await using both = await opened()
  const { documents } = both.store
  const fields = { text: 'x'.repeat(16 * 1024 * 1024) }
  await documents.insert('c', [{ id: 'a', fields: {} }])
  await t.throwsAsync(documents.insert('c', [{ id: 'b', fields }]), { code: 'STORE_LARGE' })
  await t.throwsAsync(documents.replace('c', 'a', 1, fields), { code: 'STORE_LARGE' })
})

test('what is removed, truncated, replaced or refused leaves nothing', async (t) => {
  await using both = await opened()
  const { store, database } = both
  const big = pattern(300_000, 4)
  await store.save('key', 0, big)
  await Promise.all(Array.from({ length: 100 }, (_, n) => store.append('key', pattern(5000, n))))
  await store.append('key', big)
  await t.throwsAsync(store.save('key', 0, big), { code: 'STORE_VERSION' })
  await t.throwsAsync(store.append('key', big, { expected: 5 }), { code: 'STORE_VERSION' })
  await store.append('key', pattern(5000, 1))
  const { segments = 0 } = await left(database)
  t.true(segments > 0)
  t.is((await all(store.read('key', { from: 40 }))).length, 63)
  await store.truncate('key', 99)
  t.deepEqual(
    (await all(store.read('key'))).map(({ number }) => number),
    [100, 101, 102],
  )
  await store.truncate('key', 102)
  t.deepEqual(await left(database), { states: 1, chunks: 2 })
  await store.remove('key')
  await store.putBlob('blob', [big])
  await store.putBlob('blob', [big, big])
  t.deepEqual(await left(database), { chunks: 3, blobs: 1 })
  await store.removeBlob('blob')
  await store.documents.insert(
    'c',
    ['a', 'b'].map((id) => ({ id, fields: {} })),
  )
  await t.throwsAsync(
    store.documents.insert(
      'c',
      ['c', 'a'].map((id) => ({ id, fields: {} })),
    ),
    { code: 'STORE_EXISTS' },
  )
  t.is(await database.collection('c').countDocuments(), 2)
  t.deepEqual(await left(database), {})
})

test('what a client that was killed long ago left behind is taken away', async (t) => {
  await using both = await opened()
  const { store, database } = both
  const longAgo = new Date(Date.now() - 2 * 60 * 60 * 1000)
  // A part in the middle of its writing, an insertion that was not committed, a committed one, and a removal.
  await store.putBlob('blob', [pattern(300_000, 1)])
  const part = 'f'.repeat(24)
  await database
    .collection<{ _id: string }>('flame.blobs')
    .updateOne({ _id: 'blob' }, { $set: { [`parts.${part}`]: { writingSince: longAgo } } })
  await database.collection<{ _id: string }>('flame.chunks').insertMany([0, 1].map((n) => ({ _id: `${part}.${n}` })))
  const batches = database.collection<{ _id: string }>('flame.batches')
  for (const state of ['open', 'committed']) {
    await batches.insertOne(Object.assign({ _id: state }, { state, collection: 'c', since: longAgo }))
    const member = { _id: state, _version: 1, _write: { equals: 0 }, _batch: state, n: 1 }
    await database.collection<{ _id: string }>('c').insertOne(member)
  }
  await database
    .collection<{ _id: string }>('flame.removals')
    .insertOne(Object.assign({ _id: 'life' }, { key: 'gone', since: longAgo }))
  await database.collection<{ _id: string }>('flame.segments').insertOne({ _id: 'life.1' })
  await database.collection<{ _id: string }>('flame.chunks').insertOne({ _id: 'life-1.0' })

  const again = await mongodbStore(both.url)
  await again.putBlob('blob', [pattern(10, 1)])
  t.deepEqual(await left(database), { chunks: 1, blobs: 1 })
  t.deepEqual(
    (await all(again.documents.find('c'))).map(({ id }) => id),
    ['committed'],
  )
  await again.close()
})

test('documents of an insertion that is not committed are not there, and give way to others when that takes too long', async (t) => {
  await using both = await opened()
  const { store, database } = both
  const { documents } = store
  const batch = new ObjectId()
  const record = { state: 'open', collection: 'c', since: new Date() }
  await database.collection('flame.batches').insertOne({ _id: batch, ...record })
  const member = { _version: 1, _write: new ObjectId(), _batch: batch, n: 1 }
  await database.collection<{ _id: string }>('c').insertMany(['a', 'b'].map((_id) => ({ _id, ...member })))
  t.is(await documents.get('c', 'a'), undefined)
  t.deepEqual(await all(documents.find('c')), [])
  await t.throwsAsync(documents.replace('c', 'a', 1, {}), { code: 'STORE_VERSION' })
  t.false(await documents.remove('c', 'a'))
  await documents.insert('c', [{ id: 'a', fields: { n: 2 } }])
  t.deepEqual(
    (await all(documents.find('c'))).map(({ id, fields }) => [id, fields.n]),
    [['a', 2]],
  )

  const committed = new ObjectId()
  await database.collection('flame.batches').insertOne({ _id: committed, ...record, state: 'committed' })
  const others = ['d', 'e', 'f'].map((_id) => ({ _id, ...member, _batch: committed }))
  await database.collection<{ _id: string }>('c').insertMany(others)
  t.is((await documents.get('c', 'd'))?.version, 1)
  t.is(await documents.replace('c', 'd', 1, { n: 3 }), 2)
  t.true(await documents.remove('c', 'e'))
  await t.throwsAsync(documents.insert('c', [{ id: 'f', fields: {} }]), { code: 'STORE_EXISTS' })
  t.deepEqual(
    (await all(documents.find('c'))).map(({ id, fields }) => [id, fields.n]),
    [
      ['a', 2],
      ['d', 3],
      ['f', 1],
    ],
  )
})
