import { bytes, type Declare, journal, type OpenStore } from './store-under-test.ts'

export function journalContract(test: Declare, open: OpenStore): void {
  test('entries are numbered from 1 without gaps, in the order of the calls, also of those at once', async (t) => {
    await using opened = await open()
    const { store } = opened
    t.is(await store.append('key', bytes('0')), 1)
    const numbers = await Promise.all(Array.from({ length: 50 }, (_, i) => store.append('key', bytes(String(i + 1)))))
    t.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, i) => i + 2),
    )
    t.deepEqual(
      await journal(store, 'key'),
      Array.from({ length: 51 }, (_, i) => `${i + 1}:${i}`),
    )
    t.deepEqual(await journal(store, 'key', 50), ['50:49', '51:50'])
    t.deepEqual(await journal(store, 'key', 52), [])
    t.deepEqual(await journal(store, 'none'), [])
  })

  test('keys that begin alike have journals of their own', async (t) => {
    await using opened = await open()
    const { store } = opened
    for (const key of ['a', 'ab', 'a/b', 'a ', '\u{1f600}', 'ä']) await store.append(key, bytes(key))
    for (const key of ['a', 'ab', 'a/b', 'a ', '\u{1f600}', 'ä']) t.deepEqual(await journal(store, key), [`1:${key}`])
    await store.remove('a')
    t.deepEqual(await journal(store, 'ab'), ['1:ab'])
    t.deepEqual(await journal(store, 'a '), ['1:a '])
  })

  test('truncation drops the entries up to a number and renumbers nothing, even when all are gone', async (t) => {
    await using opened = await open()
    const { store } = opened
    for (const text of ['a', 'b', 'c']) await store.append('key', bytes(text))
    await store.truncate('key', 2)
    t.deepEqual(await journal(store, 'key'), ['3:c'])
    await store.truncate('key', 1)
    await store.truncate('key', 0)
    t.deepEqual(await journal(store, 'key'), ['3:c'])
    await store.truncate('key', 100)
    t.deepEqual(await journal(store, 'key'), [])
    t.is(await store.append('key', bytes('d')), 4)
    await store.truncate('none', 5)
    t.is(await store.append('none', bytes('e')), 1)
  })

  test('an entry that expects another number than the next one is refused and not appended', async (t) => {
    await using opened = await open()
    const { store } = opened
    await t.throwsAsync(store.append('key', bytes('lost'), { expected: 2 }), { code: 'STORE_VERSION' })
    t.is(await store.append('key', bytes('a'), { expected: 1 }), 1)
    const both = await Promise.allSettled(['b', 'c'].map((text) => store.append('key', bytes(text), { expected: 2 })))
    t.deepEqual(
      both.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    )
    await store.truncate('key', 2)
    await t.throwsAsync(store.append('key', bytes('lost'), { expected: 1 }), { code: 'STORE_VERSION' })
    t.is(await store.append('key', bytes('d'), { expected: 3 }), 3)
    t.deepEqual(await journal(store, 'key'), ['3:d'])
  })

  test('a reading gives the entries that were there when it began', async (t) => {
    await using opened = await open()
    const { store } = opened
    for (const text of ['a', 'b', 'c']) await store.append('key', bytes(text))
    const seen: number[] = []
    for await (const { number } of store.read('key')) {
      seen.push(number)
      await store.append('key', bytes('more'))
      await store.truncate('key', number + 1)
    }
    t.deepEqual(seen, [1, 2, 3])
  })
}
