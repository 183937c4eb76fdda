import test from 'ava'
import { storeError } from './errors.ts'
import { nextIncarnation } from './incarnation.ts'
import { memoryStore } from './memory-store.ts'

test('each life has a greater number, whatever the clock says, and at least the time', async (t) => {
  const store = memoryStore()
  t.is(await nextIncarnation(store, 'life', 1000.5), 1000)
  t.is(await nextIncarnation(store, 'life', 1000), 1001)
  t.is(await nextIncarnation(store, 'life', 10), 1002)
  t.is(await nextIncarnation(store, 'life', 5000), 5000)
  t.is(await nextIncarnation(store, 'other', 7), 7)
})

test('of lives that begin at once each has a number of its own', async (t) => {
  const store = memoryStore()
  const numbers = await Promise.all(Array.from({ length: 8 }, () => nextIncarnation(store, 'life', 3)))
  t.deepEqual(numbers.toSorted(), [3, 4, 5, 6, 7, 8, 9, 10].toSorted())
})

test('a life begins where the store has no room, too', async (t) => {
  const store = memoryStore()
  await nextIncarnation(store, 'life', 1000)
  const full = {
    ...store,
    load: (key: string) => store.load(key),
    async save(): Promise<number> {
      throw storeError('STORE_FULL', { folder: 'f', reason: 'no space' })
    },
  }
  t.is(await nextIncarnation(full, 'life', 1000), 1001)
  t.is(await nextIncarnation(full, 'life', 2000), 2000)
})
