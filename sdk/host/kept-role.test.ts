import test from 'ava'
import { decode, encode, memoryStore } from '../../runtime/index.ts'
import { handOver, type KeptRole, takeRole } from './kept-role.ts'
import { roleKey } from './round-keeper.ts'

const [run, end] = ['run-1', 'trainer-0']
const key = roleKey(run, end)
const saved = (commits: number, round: number) =>
  encode({ role: 'trainer', commits, own: { round, before: round - 1, after: round } })

async function storeWith(bytes?: Uint8Array) {
  const store = memoryStore()
  if (bytes) await store.save(key, 0, bytes)
  return store
}

test('a role is handed over with its snapshot and its decisions, and takes the place of what the site had of it before', async (t) => {
  const from = await storeWith(saved(3, 7))
  await from.append(key, Uint8Array.of(1))
  await from.append(key, Uint8Array.of(2))
  const given: KeptRole[] = []
  await handOver({ store: from, run, ends: ['trainer-9', end] }, async (kept) => {
    given.push(kept)
    return { type: 'taken' }
  })
  t.is(given.length, 1, 'an end without state has nothing to hand over')
  for (const former of [undefined, saved(3, 6), saved(2, 9)]) {
    const to = await storeWith(former)
    for (const kept of given) await takeRole(to, run, kept)
    t.like(decode((await to.load(key))?.bytes ?? new Uint8Array()), { commits: 3, own: { round: 7 } })
    const journal = []
    for await (const { bytes } of to.read(key)) journal.push(...bytes)
    t.deepEqual(journal, [1, 2])
  }
})

test('a state that comes again, after the site has gone on from it, changes nothing', async (t) => {
  const to = await storeWith(saved(3, 8))
  await takeRole(to, run, { end, snapshot: saved(3, 7), journal: [Uint8Array.of(1)] })
  t.like(decode((await to.load(key))?.bytes ?? new Uint8Array()), { own: { round: 8 } })
})

test('a state that nobody takes holds up no release', async (t) => {
  const from = await storeWith(saved(1, 1))
  await t.notThrowsAsync(handOver({ store: from, run, ends: [end, end] }, () => Promise.reject(new Error('away'))))
})
