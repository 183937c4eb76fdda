import test from 'ava'
import { type MongodbServer, mongodbServer } from '../../../test/support/mongodb-server.ts'
import { all, blob, bytes, pattern } from '../contract/store-under-test.ts'
import type { Store } from '../store.ts'
import { mongodbStore } from './index.ts'

let server: MongodbServer

test.before(async () => {
  server = await mongodbServer()
})
test.after.always(() => server?.[Symbol.asyncDispose]())

/** Two clients of one new database. */
async function twoClients(): Promise<AsyncDisposable & { readonly stores: readonly [Store, Store] }> {
  const url = server.url()
  const stores = [await mongodbStore(url), await mongodbStore(url)] as const
  return {
    stores,
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store.close()
    },
  }
}

/** The codes of the refused calls; undefined for the others. */
async function refusals(work: readonly Promise<unknown>[]): Promise<unknown[]> {
  const outcomes = await Promise.allSettled(work)
  return outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : undefined))
}

test('of two clients that write with the same expectation exactly one succeeds', async (t) => {
  await using clients = await twoClients()
  const { stores } = clients
  const big = pattern(300_000, 1)
  await stores[0].documents.insert('c', [{ id: 'a', fields: {} }])
  for (let round = 0; round < 20; round++) {
    const content = round % 4 === 3 ? big : bytes(String(round))
    const races: [string, (store: Store) => Promise<unknown>][] = [
      ['STORE_VERSION', (store) => store.save('key', round, content)],
      ['STORE_VERSION', (store) => store.append('key', content, { expected: round + 1 })],
      ['STORE_VERSION', (store) => store.documents.replace('c', 'a', round + 1, { round })],
      ['STORE_EXISTS', (store) => store.documents.insert('c', [{ id: `one ${round}`, fields: {} }])],
    ]
    for (const [code, call] of races) {
      const found = await refusals(stores.map(call))
      t.deepEqual(found.toSorted(), [code, undefined], `${round} ${String(found)}`)
    }
  }
  const entries = await all(stores[1].read('key'))
  t.deepEqual(
    entries.map(({ number }) => number),
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
})

test('insertions by two clients that share some ids are there whole or not at all', async (t) => {
  await using clients = await twoClients()
  const { stores } = clients
  for (let round = 0; round < 10; round++) {
    const ids = [
      ['c', 'a', 'b'],
      ['b', 'd', 'c'],
    ].map((some) => some.map((id) => `${round}${id}`))
    const found = await refusals(
      stores.map((store, index) =>
        store.documents.insert(
          'c',
          (ids[index] ?? []).map((id) => ({ id, fields: { index } })),
        ),
      ),
    )
    t.deepEqual(found.toSorted(), ['STORE_EXISTS', undefined])
    const winner = found.indexOf(undefined)
    const present = (await all(stores[0].documents.find('c'))).filter(({ id }) => id.startsWith(String(round)))
    t.deepEqual(
      present.map(({ id }) => id),
      ids[winner]?.toSorted(),
    )
    t.true(present.every(({ fields }) => fields.index === winner))
  }
})

test('appends of two clients are numbered without gaps, each once, across segments and truncations', async (t) => {
  await using clients = await twoClients()
  const { stores } = clients
  const filler = new Uint8Array(9000)
  const given: (readonly [number, number])[] = []
  await Promise.all(
    stores.map(async (store, client) => {
      for (let n = 0; n < 40; n++) {
        const content = client * 100 + n
        const number = await store.append('key', Uint8Array.of(content, ...filler))
        given.push([number, content])
        if (n % 10 === 9) await store.truncate('key', number - 30)
      }
    }),
  )
  const written = given.toSorted(([a], [b]) => a - b)
  t.deepEqual(
    written.map(([number]) => number),
    Array.from({ length: 80 }, (_, index) => index + 1),
  )
  const entries = await all(stores[0].read('key'))
  const kept = written.slice(-entries.length)
  t.deepEqual(
    entries.map(({ number, bytes: [first] }) => [number, first ?? 0] as const),
    kept,
  )
  t.true(entries.length >= 30 && entries.length < 80)
})

test('a snapshot or blob that others replace, in chunks or not, is read whole', async (t) => {
  await using clients = await twoClients()
  const [writer, reader] = clients.stores
  await writer.save('key', 0, new Uint8Array(600_000))
  await writer.putBlob('key', [new Uint8Array(600_000)])
  const writing = new AbortController()
  const reads = (async () => {
    while (!writing.signal.aborted) {
      const snapshot = await reader.load('key')
      const content = await blob(reader, 'key')
      for (const [one, length] of [
        [snapshot?.bytes, 600_000],
        [content, 600_000],
      ] as const) {
        t.is(one?.length, length)
        t.true(one?.every((byte) => byte === one[0]))
      }
    }
  })()
  for (let n = 1; n < 12; n++) {
    await writer.save('key', n, new Uint8Array(600_000).fill(n))
    await writer.putBlob('key', [new Uint8Array(600_000).fill(n)])
  }
  writing.abort()
  await reads
})
