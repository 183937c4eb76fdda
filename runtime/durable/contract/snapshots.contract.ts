import { bytes, type Declare, type OpenStore } from './store-under-test.ts'

export function snapshotContract(test: Declare, open: OpenStore): void {
  test('a snapshot is what was saved last, and its version counts the saves', async (t) => {
    await using opened = await open()
    const { store } = opened
    t.is(await store.load('job/1'), undefined)
    t.is(await store.save('job/1', 0, bytes('first')), 1)
    t.is(await store.save('job/1', 1, new Uint8Array()), 2)
    t.deepEqual(await store.load('job/1'), { version: 2, bytes: new Uint8Array() })
    t.is(await store.load('job/2'), undefined)
  })

  test('a save with another version than the present one is refused and changes nothing', async (t) => {
    await using opened = await open()
    const { store } = opened
    await store.save('key', 0, bytes('kept'))
    for (const expected of [0, 2, 7])
      await t.throwsAsync(store.save('key', expected, bytes('lost')), { code: 'STORE_VERSION' })
    await t.throwsAsync(store.save('other', 1, bytes('lost')), { code: 'STORE_VERSION' })
    t.deepEqual(await store.load('key'), { version: 1, bytes: bytes('kept') })
    t.is(await store.load('other'), undefined)
  })

  test('of many saves at once with the same version one succeeds', async (t) => {
    await using opened = await open()
    const { store } = opened
    const saves = await Promise.allSettled(['a', 'b', 'c', 'd'].map((text) => store.save('key', 0, bytes(text))))
    t.deepEqual(saves.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected', 'rejected'])
    const winner = ['a', 'b', 'c', 'd'][saves.findIndex(({ status }) => status === 'fulfilled')] ?? ''
    t.deepEqual(await store.load('key'), { version: 1, bytes: bytes(winner) })
  })

  test('a removed key is as new, its journal too', async (t) => {
    await using opened = await open()
    const { store } = opened
    await store.save('key', 0, bytes('state'))
    await store.append('key', bytes('a'))
    await store.append('key2', bytes('kept'))
    await store.remove('key')
    await store.remove('never there')
    t.is(await store.load('key'), undefined)
    t.is(await store.save('key', 0, bytes('again')), 1)
    t.is(await store.append('key', bytes('b')), 1)
    t.is(await store.append('key2', bytes('next')), 2)
  })

  test('bytes given are not kept by reference, and bytes returned are not shared', async (t) => {
    await using opened = await open()
    const { store } = opened
    const given = bytes('abc')
    const saved = store.save('key', 0, given)
    const appended = store.append('key', given)
    given.fill(0)
    await Promise.all([saved, appended])
    const first = await store.load('key')
    first?.bytes.fill(0)
    for await (const entry of store.read('key')) entry.bytes.fill(0)
    t.deepEqual(await store.load('key'), { version: 1, bytes: bytes('abc') })
    for await (const entry of store.read('key')) t.deepEqual(entry.bytes, bytes('abc'))
  })

  test('a view into a larger buffer is stored as the view alone', async (t) => {
    await using opened = await open()
    const { store } = opened
    await store.save('key', 0, bytes('before|this|after').subarray(7, 11))
    t.deepEqual((await store.load('key'))?.bytes, bytes('this'))
  })
}
