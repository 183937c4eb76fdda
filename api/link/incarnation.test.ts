import test from 'ava'
import { memoryStore } from '../../runtime/index.ts'
import { nextIncarnation } from './incarnation.ts'

test('each life of a server has a greater number, whatever the clock says, and servers that start at once have others', async (t) => {
  const store = memoryStore()
  t.is(await nextIncarnation(store, 1000), 1000)
  t.is(await nextIncarnation(store, 10), 1001)
  const numbers = await Promise.all(Array.from({ length: 20 }, () => nextIncarnation(store, 10)))
  t.deepEqual(
    numbers.toSorted((one, other) => one - other),
    Array.from({ length: 20 }, (_, index) => 1002 + index),
  )
  t.is(await nextIncarnation(memoryStore(), 5000), 5000)
})
