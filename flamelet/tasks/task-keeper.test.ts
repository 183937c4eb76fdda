import test from 'ava'
import { actorSystem, memoryStore } from '../../runtime/index.ts'
import { roleKey } from '../../sdk/index.ts'
import { taskKeeper } from './task-keeper.ts'
import { decodeFromTask, decodeStoreAnswer, type FromTask, type StoreAnswer } from './task-protocol.ts'

test('the process of a task reaches the state of its own role, and no other key of the store', async (t) => {
  const system = actorSystem()
  const store = memoryStore()
  let commits = 0
  const parts = {
    ...{ store, run: 'run-1', end: 'trainer-1', onAlive() {}, onTrained() {} },
    onCommitted: () => void (commits += 1),
  }
  const keeper = system.spawn('keeper', taskKeeper(parts), { decode: decodeFromTask })
  const bytes = Uint8Array.of(1)
  const save = (key: string) =>
    system.ask<StoreAnswer, FromTask>(
      keeper,
      (replyTo) => ({ type: 'store', call: { method: 'save', key, version: 0, bytes }, replyTo }),
      { timeoutMs: 10_000, decode: decodeStoreAnswer },
    )
  const own = roleKey('run-1', 'trainer-1')
  t.deepEqual(await save(own), { value: 1 })
  t.is(commits, 1)
  for (const key of [
    roleKey('run-1', 'trainer-10'),
    roleKey('run-2', 'trainer-1'),
    `${own}/x`,
    'flamelet',
    '',
    'job//',
  ])
    t.is((await save(key)).error?.coded?.code, 'JOB_STORE', key)
  t.is(commits, 1)
  t.is(await store.load('flamelet'), undefined)
  await system.terminate()
})

test('whatever a process sends is decoded, or is no message', async (t) => {
  const system = actorSystem()
  const replyTo = system.spawn<unknown>('asker', () => () => {})
  const call = { method: 'load', key: 'k' }
  t.truthy(decodeFromTask({ type: 'store', call, replyTo }))
  for (const wrong of [
    null,
    'alive',
    {},
    { type: 'stop' },
    { type: 'trained' },
    { type: 'trained', round: -1 },
    { type: 'store', call },
    { type: 'store', call: {}, replyTo },
  ])
    t.is(decodeFromTask(wrong), undefined)
  t.is(decodeStoreAnswer({ error: 'broken' }), undefined)
  await system.terminate()
})
