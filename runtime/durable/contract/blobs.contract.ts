import fc from 'fast-check'
import { all, blob, bytes, type Declare, hasBytes, joined, type OpenStore, pattern } from './store-under-test.ts'

const chunkBytes = 256 * 1024

async function* failing(): AsyncGenerator<Uint8Array> {
  yield pattern(2 * chunkBytes, 9)
  throw new Error('the source broke')
}

export function blobContract(test: Declare, open: OpenStore): void {
  test('a blob of any size, given in any pieces, comes back in chunks of at most 256 KiB', async (t) => {
    await using opened = await open()
    const { store } = opened
    t.is(await store.getBlob('none'), undefined)
    const pieces = fc.array(fc.nat({ max: chunkBytes + 10_000 }), { maxLength: 6 })
    const property = fc.asyncProperty(pieces, fc.nat({ max: 255 }), async (lengths, seed) => {
      const given = lengths.map((length, index) => pattern(length, seed + index))
      await store.putBlob('blob', given)
      const found = await store.getBlob('blob')
      const chunks = found ? await all(found) : []
      t.true(chunks.every(({ length }) => length > 0 && length <= chunkBytes))
      t.true(hasBytes(joined(chunks), joined(given)))
    })
    await fc.assert(property, {
      numRuns: 15,
      examples: [
        [[], 0],
        [[0], 0],
        [[chunkBytes, chunkBytes], 1],
      ],
    })
  })

  test('who reads a blob while it is replaced or removed sees the old bytes', async (t) => {
    await using opened = await open()
    const { store } = opened
    const [old, young] = [pattern(3 * chunkBytes, 1), pattern(chunkBytes + 1, 2)]
    await store.putBlob('key', [old])
    const reading = (await store.getBlob('key'))?.[Symbol.asyncIterator]()
    const chunks = [(await reading?.next())?.value ?? new Uint8Array()]
    await store.putBlob('key', [young])
    for (let next = await reading?.next(); next && !next.done; next = await reading?.next()) chunks.push(next.value)
    t.true(hasBytes(joined(chunks), old))
    t.true(hasBytes(await blob(store, 'key'), young))
    await store.removeBlob('key')
    await store.removeBlob('key')
    t.is(await store.getBlob('key'), undefined)
  })

  test('a source that fails leaves the old blob', async (t) => {
    await using opened = await open()
    const { store } = opened
    await store.putBlob('key', [bytes('old')])
    await t.throwsAsync(store.putBlob('key', failing()), { message: 'the source broke' })
    await t.throwsAsync(store.putBlob('new', failing()), { message: 'the source broke' })
    t.deepEqual(await blob(store, 'key'), bytes('old'))
    t.is(await store.getBlob('new'), undefined)
  })

  test('of two at once under one key the one that ends last stays, whole', async (t) => {
    await using opened = await open()
    const { store } = opened
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield pattern(2 * chunkBytes, 1)
      await held
      yield pattern(10, 2)
    }
    const first = store.putBlob('key', slow())
    await store.putBlob('key', [pattern(chunkBytes, 3)])
    t.is((await blob(store, 'key'))?.length, chunkBytes)
    await store.removeBlob('key')
    release()
    await first
    t.true(hasBytes(await blob(store, 'key'), joined([pattern(2 * chunkBytes, 1), pattern(10, 2)])))
  })

  test('a blob is not kept by reference', async (t) => {
    await using opened = await open()
    const { store } = opened
    const given = bytes('abc')
    await store.putBlob('key', [given])
    given.fill(0)
    for await (const chunk of (await store.getBlob('key')) ?? []) chunk.fill(0)
    t.deepEqual(await blob(store, 'key'), bytes('abc'))
  })
}
