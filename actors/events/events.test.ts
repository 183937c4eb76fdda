import test from 'ava'
import { actorSystem, encode, manualClock, memoryStore, type Store } from '../../runtime/index.ts'
import { eventsStage } from '../../test/support/actor-stages.ts'
import { storeJob } from '../../test/support/stored-job.ts'
import { interruptedStore } from '../../test/support/stores.ts'
import type { JobEvent, NumberedEvent } from '../model/job-event.ts'
import type { Ask } from '../requests/requests.ts'
import type { EventsMessage } from './events.ts'
import { removeEvents } from './stored-events.ts'

const [user, job] = ['u', 'j']
const at = '2026-01-02T03:04:05.000Z'
const now = () => at
const log = (message: string): JobEvent => ({ type: 'log', end: 'trainer-0', message })

async function storeWithJob(...others: readonly string[]): Promise<Store> {
  const store = memoryStore()
  for (const id of [job, ...others]) await storeJob(store, { user, job: id })
  return store
}

const record = (ask: Ask<EventsMessage>, event: JobEvent, of = job) =>
  ask<number>((replyTo) => ({ type: 'record-event', job: of, event, replyTo }))
const read = (ask: Ask<EventsMessage>, after = 0, { limit = 100, waitMs = 0, as = user, of = job } = {}) =>
  ask<readonly NumberedEvent[]>((replyTo) => ({
    type: 'read-events',
    user: as,
    job: of,
    after,
    limit,
    waitMs,
    replyTo,
  }))
const numbers = (found: readonly NumberedEvent[]) => found.map(({ number }) => number)

test('events are numbered in the order in which they came, and read from any number on', async (t) => {
  await using stage = eventsStage({ store: await storeWithJob(), now })
  const { ask } = stage
  const recorded = await Promise.all(Array.from({ length: 5 }, (_, index) => record(ask, log(String(index)))))
  t.deepEqual(recorded, [1, 2, 3, 4, 5])
  const found = await read(ask, 3)
  t.deepEqual(found, [
    { number: 4, at, event: log('3') },
    { number: 5, at, event: log('4') },
  ])
  t.deepEqual(numbers(await read(ask, 0, { limit: 2 })), [1, 2])
  t.deepEqual(await read(ask, 5), [])
})

test('an event is answered once it is durable, and outlives the actor', async (t) => {
  const store = await storeWithJob()
  let write = () => {}
  const written = new Promise<void>((resolve) => {
    write = resolve
  })
  let answered = false
  {
    const held = interruptedStore(store, (call, when) => (call === 'append' && when === 'before' ? written : undefined))
    await using stage = eventsStage({ store: held, now })
    const recorded = record(stage.ask, log('a')).then(() => {
      answered = true
    })
    t.deepEqual(await read(stage.ask), [])
    t.false(answered)
    write()
    await recorded
  }
  await using again = eventsStage({ store, now })
  t.deepEqual(numbers(await read(again.ask)), [1])
})

test('who waits hears of the next event, and of none when the time is up', async (t) => {
  const clock = manualClock()
  const system = actorSystem({ clock })
  await using stage = eventsStage({ store: await storeWithJob('k'), now, system })
  const { ask } = stage
  const waiting = read(ask, 0, { waitMs: 10_000 })
  await system.idle()
  await record(ask, log('of another job'), 'k')
  await record(ask, log('a'))
  t.deepEqual(numbers(await waiting), [1])

  let ended = false
  const vain = read(ask, 1, { waitMs: 1_100 }).then((found) => {
    ended = true
    return found
  })
  for (let step = 0; step < 2; step++) {
    await system.idle()
    clock.advance(500)
  }
  await system.idle()
  t.false(ended)
  clock.advance(100)
  t.deepEqual(await vain, [])
})

test('what another server on the same store records is heard too', async (t) => {
  const clock = manualClock()
  const system = actorSystem({ clock })
  const store = await storeWithJob()
  await using here = eventsStage({ store, now, system })
  await using there = eventsStage({ store, now })
  const waiting = read(here.ask, 0, { waitMs: 10_000 })
  await system.idle()
  await record(there.ask, log('from there'))
  clock.advance(500)
  t.deepEqual(numbers(await waiting), [1])
})

test('a slow write of one job holds up no other job', async (t) => {
  const store = await storeWithJob('k')
  let first = true
  const stuck = interruptedStore(store, (call, when) => {
    if (call !== 'append' || when !== 'before' || !first) return undefined
    first = false
    return new Promise<void>(() => {})
  })
  await using stage = eventsStage({ store: stuck, now })
  void record(stage.ask, log('stuck')).catch(() => {})
  t.is(await record(stage.ask, log('goes on'), 'k'), 1)
})

test("only the owner of a job reads its events, and a removed job's are gone", async (t) => {
  const store = await storeWithJob()
  await using stage = eventsStage({ store, now })
  const { ask } = stage
  await record(ask, log('a'))
  await t.throwsAsync(read(ask, 0, { as: 'someone' }), { code: 'JOB_NOT_FOUND' })
  await t.throwsAsync(read(ask, 0, { of: 'unknown' }), { code: 'JOB_NOT_FOUND' })
  await removeEvents(store, job)
  t.deepEqual(await read(ask), [])
  t.is(await record(ask, log('anew')), 1)
})

test('of a job that tells much the last events are kept, under their numbers', async (t) => {
  await using stage = eventsStage({ store: await storeWithJob(), now, kept: 20 })
  const { ask } = stage
  for (let index = 1; index <= 101; index++) await record(ask, log(String(index)))
  const found = numbers(await read(ask))
  t.true(found.length >= 20 && found.length <= 22, `${found.length} are kept`)
  t.is(found.at(-1), 101)
  t.deepEqual(
    found,
    Array.from({ length: found.length }, (_, index) => 102 - found.length + index),
  )
})

const unsound: readonly JobEvent[] = [
  { type: 'round', round: 1, metrics: { loss: Number.NaN, mae: 2 }, hash: 'h', members: [], seconds: 1 },
  { type: 'metrics', end: 'e', metrics: { norm: 1 / 0 } },
  { type: 'log', end: 'e', message: 'm', fields: { ratio: -1 / 0, count: 3, quick: true } },
]
const sound = [
  { type: 'round', round: 1, metrics: { mae: 2 }, hash: 'h', members: [], seconds: 1 },
  { type: 'metrics', end: 'e', metrics: {} },
  { type: 'log', end: 'e', message: 'm', fields: { ratio: '-Infinity', count: 3, quick: true } },
]

test('no event holds a number that is not finite, also of those that an older server wrote', async (t) => {
  const store = await storeWithJob()
  for (const event of unsound) await store.append(`events/${job}`, encode({ at, event }))
  await using stage = eventsStage({ store, now })
  for (const event of unsound) await record(stage.ask, event)
  t.deepEqual(
    (await read(stage.ask)).map(({ event }) => event),
    [...sound, ...sound],
  )
})

test('an event of a type that a newer server wrote is passed on, and damage is told', async (t) => {
  const store = await storeWithJob()
  const event = { type: 'privacy', epsilon: 3 }
  await store.append(`events/${job}`, encode({ at, event }))
  await using stage = eventsStage({ store, now })
  t.deepEqual(Object(await read(stage.ask)), [{ number: 1, at, event }])
  await store.append(`events/${job}`, encode({ at, event: 'none' }))
  await t.throwsAsync(read(stage.ask), { code: 'RECORD_DAMAGED' })
})
