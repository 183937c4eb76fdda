import type { Store } from '../store.ts'
import { all, blob, bytes, type Declare, hasBytes, journal, type OpenStore, pattern } from './store-under-test.ts'

/** Each call of the port, with a key. */
function calls(store: Store, key: string): Record<string, () => Promise<unknown>> {
  const { documents } = store
  return {
    load: () => store.load(key),
    save: () => store.save(key, 0, bytes('x')),
    remove: () => store.remove(key),
    append: () => store.append(key, bytes('x')),
    read: () => all(store.read(key)),
    truncate: () => store.truncate(key, 1),
    putBlob: () => store.putBlob(key, [bytes('x')]),
    getBlob: () => store.getBlob(key),
    removeBlob: () => store.removeBlob(key),
    insert: () => documents.insert('c', [{ id: key, fields: {} }]),
    insertInto: () => documents.insert(key, []),
    get: () => documents.get('c', key),
    replace: () => documents.replace(key, 'a', 1, {}),
    removeDocument: () => documents.remove('c', key),
    removeDocuments: () => documents.removeAll('c', [key]),
    find: () => all(documents.find(key)),
  }
}

const longest = ['x'.repeat(500), '\u{1f600}'.repeat(125), 'é'.repeat(250)]
const refused = ['', 'x'.repeat(501), `${'\u{1f600}'.repeat(125)}x`, 'a\0b', 'a\nb', '\u007f', '\ud800']

export function lifeContract(test: Declare, open: OpenStore): void {
  test('keys of 500 bytes are taken; empty, longer and unprintable ones are refused by every call', async (t) => {
    await using opened = await open()
    const { store } = opened
    for (const key of longest) {
      t.is(await store.save(key, 0, bytes(key)), 1)
      t.is(await store.append(key, bytes('entry')), 1)
      await store.putBlob(key, [bytes('blob')])
      await store.documents.insert(key, [{ id: key, fields: { key } }])
      t.deepEqual((await store.load(key))?.bytes, bytes(key))
      t.deepEqual(await journal(store, key), ['1:entry'])
      t.deepEqual(await blob(store, key), bytes('blob'))
      t.deepEqual(await all(store.documents.find(key)), [{ id: key, version: 1, fields: { key } }])
    }
    for (const key of refused)
      for (const [name, call] of Object.entries(calls(store, key)))
        await t.throwsAsync(call(), { code: 'STORE_KEY' }, `${name} of ${JSON.stringify(key)}`)
  })

  test('close waits for what was begun; after it every call rejects, and a second close does nothing', async (t) => {
    await using opened = await open()
    const { store } = opened
    await store.append('read', bytes('a'))
    await store.append('read', bytes('b'))
    await store.documents.insert('read', [
      { id: 'a', fields: {} },
      { id: 'b', fields: {} },
    ])
    const entries = store.read('read')[Symbol.asyncIterator]()
    const documents = store.documents.find('read')[Symbol.asyncIterator]()
    await Promise.all([entries.next(), documents.next()])
    const begun = [store.save('key', 0, bytes('x')), store.append('key', bytes('x')), store.append('key', bytes('y'))]
    begun.push(store.probe().then(() => 0))
    const closing = store.close()
    t.deepEqual(await Promise.all(begun), [1, 1, 2, 0])
    await closing
    await store.close()
    for (const [name, call] of Object.entries(calls(store, 'key')))
      await t.throwsAsync(call(), { code: 'STORE_CLOSED' }, name)
    await t.throwsAsync(store.probe(), { code: 'STORE_CLOSED' })
    await t.throwsAsync(async () => entries.next(), { code: 'STORE_CLOSED' })
    await t.throwsAsync(async () => documents.next(), { code: 'STORE_CLOSED' })
  })

  test('a blob whose source has not ended when the store is closed is refused', async (t) => {
    await using opened = await open()
    const { store } = opened
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield pattern(600_000, 1)
      await held
      yield pattern(600_000, 2)
    }
    const put = store.putBlob('key', slow())
    await store.close()
    release()
    await t.throwsAsync(put, { code: 'STORE_CLOSED' })
    const again = await opened.reopen?.()
    t.is(await again?.getBlob('key'), undefined)
  })

  test('a store that is opened again gives everything back', async (t) => {
    await using opened = await open()
    const { store } = opened
    await store.save('key', 0, bytes('state'))
    for (const text of ['a', 'b']) await store.append('key', bytes(text))
    await store.truncate('key', 1)
    await store.append('gone', bytes('x'))
    await store.truncate('gone', 1)
    await store.putBlob('key', [pattern(300_000, 1)])
    await store.documents.insert('c', [{ id: 'a', fields: { n: 1 } }])
    await store.documents.replace('c', 'a', 1, { n: 2 })
    const again = await opened.reopen?.()
    if (!again) return t.pass('this store keeps nothing')
    t.deepEqual(await again.load('key'), { version: 1, bytes: bytes('state') })
    t.deepEqual(await journal(again, 'key'), ['2:b'])
    t.is(await again.append('gone', bytes('y')), 2)
    t.true(hasBytes(await blob(again, 'key'), pattern(300_000, 1)))
    t.deepEqual(await all(again.documents.find('c')), [{ id: 'a', version: 2, fields: { n: 2 } }])
  })
}
