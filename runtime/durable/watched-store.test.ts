import test from 'ava'
import { interruptedStore } from '../../test/support/stores.ts'
import { manualClock } from '../kernel/clocks.ts'
import { isStoreTrouble, storeError } from './errors.ts'
import { memoryStore } from './memory-store.ts'
import { watchedStore } from './watched-store.ts'

/** A store that refuses writes with an error while one is set, and the events of its watch. */
function stage() {
  const clock = manualClock()
  const heard: string[] = []
  let probes = 0
  let refusal: Error | undefined
  const below = interruptedStore(memoryStore(), (call, when) => {
    if (call === 'probe' && when === 'before') probes += 1
    if (refusal && when === 'before' && call !== 'load') throw refusal
  })
  const store = watchedStore(below, {
    clock,
    onTrouble: ({ code }) => void heard.push(code),
    onWell: () => void heard.push('well'),
  })
  return {
    store,
    heard,
    probes: () => probes,
    refuse: (error: Error | undefined) => {
      refusal = error
    },
    async pass(ms: number) {
      clock.advance(ms)
      await new Promise(setImmediate)
    },
  }
}

test('whoever watches hears of a trouble once, and of its end by a probe, however many writes are refused or made', async (t) => {
  const { store, heard, refuse, pass } = stage()
  refuse(storeError('STORE_FULL', { folder: 'f', reason: 'r' }))
  for (let i = 0; i < 3; i++) await t.throwsAsync(store.append('j', Uint8Array.of(1)), { code: 'STORE_FULL' })
  await pass(1000)
  t.deepEqual(heard, ['STORE_FULL'])
  refuse(undefined)
  t.is(await store.append('j', Uint8Array.of(1)), 1)
  t.deepEqual(heard, ['STORE_FULL'], 'what is small may find room where the refused did not')
  await pass(1000)
  t.deepEqual(heard, ['STORE_FULL', 'well'])
  refuse(storeError('STORE_LOST', { folder: 'f', reason: 'r' }))
  await t.throwsAsync(store.documents.insert('c', [{ id: 'd', fields: {} }]), { code: 'STORE_LOST' })
  refuse(undefined)
  await store.probe()
  t.deepEqual(heard, ['STORE_FULL', 'well', 'STORE_LOST', 'well'])
})

test('a refusal of one write is no trouble of the store, and a closed store is probed no more', async (t) => {
  const { store, heard, probes, refuse, pass } = stage()
  await t.throwsAsync(store.save('k', 7, Uint8Array.of(1)), { code: 'STORE_VERSION' })
  t.deepEqual(heard, [])
  refuse(storeError('STORE_UNREACHABLE', { url: 'u', reason: 'r' }))
  t.true(isStoreTrouble(await t.throwsAsync(store.remove('k'))))
  await pass(1000)
  t.is(probes(), 1)
  await store.close()
  await pass(5000)
  t.is(probes(), 1)
})
