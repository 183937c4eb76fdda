import test from 'ava'
import { MongoClient } from 'mongodb'
import { dropDatabase, type MongodbServer, mongodbServer } from '../../../test/support/mongodb-server.ts'
import { storeContract } from '../store.contract.ts'
import { mongodbStore } from './index.ts'

let server: MongodbServer

test.before(async () => {
  server = await mongodbServer()
})
test.after.always(() => server?.[Symbol.asyncDispose]())

storeContract(test, async () => {
  const url = server.url()
  let store = await mongodbStore(url)
  return {
    store,
    async reopen() {
      await store.close()
      store = await mongodbStore(url)
      return store
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      await dropDatabase(url)
    },
  }
})

async function withClient(url: string, work: (client: MongoClient) => Promise<unknown>): Promise<void> {
  const client = new MongoClient(url)
  try {
    await work(client)
  } finally {
    await client.close()
  }
}

test('a URL that names no database, or no server of this kind, is refused', async (t) => {
  for (const url of [
    'mongodb://127.0.0.1:1',
    'mongodb://127.0.0.1:1/',
    'mongodb://127.0.0.1:1/?directConnection=true',
    'http://127.0.0.1:1/flame',
    'mongodb://127.0.0.1:port/flame',
    'mongodb://127.0.0.1:1/flame?unknownOption=1',
    'mongodb://127.0.0.1:1/fla me',
  ])
    await t.throwsAsync(mongodbStore(url), { code: 'STORE_URL' }, url)
})

test('a server that does not answer is refused once the patience that the URL states is over', async (t) => {
  const error = await t.throwsAsync(
    mongodbStore('mongodb://user:secret@127.0.0.1:1/flame?serverSelectionTimeoutMS=100'),
    { code: 'STORE_UNREACHABLE' },
  )
  t.false(error?.message.includes('secret'))
})

test('a database that holds something else is refused and left alone', async (t) => {
  const url = server.url()
  await withClient(url, (client) => client.db().collection<{ _id: string }>('letters').insertOne({ _id: 'a' }))
  await t.throwsAsync(mongodbStore(url), { code: 'STORE_FOREIGN', message: /letters/ })
  await withClient(url, async (client) => {
    const names = (await client.db().listCollections().toArray()).map(({ name }) => name)
    t.deepEqual(names, ['letters'])
  })
})

test('another format is refused, and so is a marker that names none', async (t) => {
  const url = server.url()
  await (await mongodbStore(url)).close()
  for (const [format, code] of [
    [2, 'STORE_FORMAT'],
    ['1', 'STORE_DAMAGED'],
  ] as const) {
    await withClient(url, (client) =>
      client.db().collection<{ _id: string }>('flame.store').updateOne({ _id: 'format' }, { $set: { format } }),
    )
    await t.throwsAsync(mongodbStore(url), { code })
  }
})

test('of many that open a new database at once none is refused', async (t) => {
  const url = server.url()
  const stores = await Promise.all(Array.from({ length: 5 }, () => mongodbStore(url)))
  await Promise.all(stores.map((store, index) => store.documents.insert('jobs', [{ id: `${index}`, fields: {} }])))
  await Promise.all(stores.map((store) => store.close()))
  t.pass()
})

test('a user is let in with the password, and refused without or with another', async (t) => {
  await using guarded = await mongodbServer()
  const url = guarded.url('flame')
  await withClient(url, (client) =>
    client.db('admin').command({ createUser: 'flame', pwd: 's3cret', roles: [{ role: 'readWrite', db: 'flame' }] }),
  )
  await guarded.stop()
  await guarded.start('--auth')
  const as = (user: string) => `${url.replace('//', `//${user}@`)}&authSource=admin`
  const store = await mongodbStore(as('flame:s3cret'))
  t.is(await store.save('key', 0, Uint8Array.of(1)), 1)
  await store.close()
  for (const refused of [as('flame:gue55'), as('other:s3cret'), url]) {
    const error = await t.throwsAsync(mongodbStore(refused), { code: 'STORE_UNAUTHORIZED' }, refused)
    t.false(error?.message.includes('gue55') || error?.message.includes('s3cret'))
  }
})
