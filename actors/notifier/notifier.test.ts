import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { memoryStore } from '../../runtime/index.ts'
import { killedStore, lifeOf } from '../../sdk/testing/index.ts'
import { type NotifierStage, notifierStage } from '../../test/support/actor-stages.ts'
import { interruptedStore } from '../../test/support/stores.ts'
import type { Notification, NumberedNotification } from '../model/notification.ts'

const [job, task] = ['j', 't']
const flamelet = { type: 'task', job, task } as const
const compute = { type: 'compute', compute: 'c' } as const
const of = (type: 'START_JOB' | 'STOP_JOB' | 'UPDATE_JOB'): Notification => ({ type, jobId: job, taskId: task })
const start = of('START_JOB')
const stop = of('STOP_JOB')
const update = of('UPDATE_JOB')
const told = (found: readonly NumberedNotification[]) =>
  found.map(({ number, notification: { type } }) => `${number} ${type}`)

test('a recipient is told in order, again until it acknowledges, and then no more', async (t) => {
  await using stage = notifierStage(memoryStore())
  await Promise.all([start, update, stop].map((notification) => stage.notify(flamelet, notification)))
  t.deepEqual(told(await stage.receive(flamelet, 0, { limit: 2 })), ['1 START_JOB', '2 UPDATE_JOB'])
  t.deepEqual(told(await stage.receive(flamelet)), ['1 START_JOB', '2 UPDATE_JOB', '3 STOP_JOB'])
  t.deepEqual(told(await stage.receive(flamelet, 2)), ['3 STOP_JOB'])
  t.deepEqual(told(await stage.receive(flamelet)), ['3 STOP_JOB'])
  t.deepEqual(told(await stage.receive(flamelet, 3)), [])
  await stage.notify(flamelet, start)
  t.deepEqual(told(await stage.receive(flamelet)), ['4 START_JOB'])
  t.deepEqual(await stage.receive({ ...flamelet, task: 'other' }), [])
})

test('of those who wait for the same recipient the newest few do, and older ones are refused', async (t) => {
  await using stage = notifierStage(memoryStore())
  const waits = () => stage.receive(flamelet, 0, { waitMs: 60_000 })
  const older = Array.from({ length: 200 }, waits)
  const newer = Array.from({ length: 4 }, waits)
  for (const result of await Promise.allSettled(older))
    t.like(result, { status: 'rejected', reason: { code: 'RECIPIENT_TAKEN' } })
  const other = stage.receive(compute, 0, { waitMs: 60_000 })
  await stage.notify(flamelet, start)
  for (const found of await Promise.all(newer)) t.deepEqual(told(found), ['1 START_JOB'])
  await stage.notify(compute, start)
  t.deepEqual(told(await other), ['1 START_JOB'])
})

test('who acknowledges what there never was is refused, and loses nothing', async (t) => {
  await using stage = notifierStage(memoryStore())
  await t.throwsAsync(stage.receive(flamelet, 1), { code: 'ACKNOWLEDGED_UNKNOWN' })
  await stage.notify(flamelet, start)
  await t.throwsAsync(stage.receive(flamelet, 2), { code: 'ACKNOWLEDGED_UNKNOWN' })
  t.deepEqual(told(await stage.receive(flamelet)), ['1 START_JOB'])
})

test('on one occasion a recipient is told a thing once, though it has acknowledged it', async (t) => {
  await using stage = notifierStage(memoryStore())
  const again = async (occasion: string) => {
    await stage.notify(flamelet, start, occasion)
    await stage.notify(flamelet, stop, occasion)
  }
  await again('first')
  await again('first')
  t.deepEqual(told(await stage.receive(flamelet)), ['1 START_JOB', '2 STOP_JOB'])
  await stage.receive(flamelet, 1)
  await again('first')
  await stage.receive(flamelet, 2)
  await again('first')
  t.deepEqual(told(await stage.receive(flamelet)), [])
  await again('second')
  await again('second')
  t.deepEqual(told(await stage.receive(flamelet)), ['3 START_JOB', '4 STOP_JOB'])
  await stage.notify(flamelet, update)
  await stage.notify(flamelet, update)
  t.deepEqual(told(await stage.receive(flamelet, 4)), ['5 UPDATE_JOB', '6 UPDATE_JOB'])
})

test('the occasions of one job are not those of another', async (t) => {
  await using stage = notifierStage(memoryStore())
  for (const jobId of ['a', 'b', 'a'])
    await stage.notify(compute, { type: 'ADD_RESOURCE', jobId, computeId: 'c' }, 'now')
  const found = await stage.receive(compute)
  t.deepEqual(
    found.map(({ notification: { jobId } }) => jobId),
    ['a', 'b'],
  )
})

test('who waits hears of the next notification, whichever server it was told to', async (t) => {
  const store = memoryStore()
  await using here = notifierStage(store)
  await using there = notifierStage(store)
  for (const [index, stage] of [here, there].entries()) {
    const waiting = here.receive(flamelet, index, { waitMs: 60_000 })
    // Waits until the reader has looked in vain.
    t.deepEqual(await here.receive(flamelet, index), [])
    await stage.notify(flamelet, start)
    t.deepEqual(told(await waiting), [`${index + 1} START_JOB`])
  }
})

test('who waits too long, or until the server closes, hears of nothing', async (t) => {
  await using stage = notifierStage(memoryStore())
  t.deepEqual(await stage.receive(flamelet, 0, { waitMs: 10 }), [])
  const waiting = stage.receive(flamelet, 0, { waitMs: 60_000 })
  stage.release()
  t.deepEqual(await waiting, [])
  t.deepEqual(await stage.receive(flamelet, 0, { waitMs: 60_000 }), [])
})

test('two servers give no number twice, lose nothing and repeat nothing', async (t) => {
  // Slow enough for the other server to read meanwhile.
  const store = interruptedStore(memoryStore(), () => setImmediate())
  await using one = notifierStage(store)
  await using other = notifierStage(store)
  const heard: string[] = []
  const names = Array.from({ length: 60 }, (_, index) => `job-${index}`)
  const tell = (stage: NotifierStage, jobs: readonly string[]) =>
    jobs.map((jobId) => stage.notify(compute, { type: 'ADD_RESOURCE', jobId, computeId: 'c' }, 'once'))
  const telling = [...tell(one, names), ...tell(other, names.toReversed())]
  let acknowledged = 0
  while (heard.length < names.length) {
    const found = await (heard.length % 2 === 0 ? one : other).receive(compute, acknowledged, { waitMs: 60_000 })
    for (const { number, notification } of found) {
      t.is(number, ++acknowledged)
      heard.push(notification.jobId)
    }
  }
  await Promise.all(telling)
  t.deepEqual(heard.toSorted(), names.toSorted())
  t.deepEqual(await one.receive(compute, acknowledged), [])
})

test('a process that ends at any write has lost nothing it was told, and tells nothing twice', async (t) => {
  let steps = 0
  for (let finished = false; !finished; steps++) {
    for (const endsAfter of [false, true]) {
      const store = memoryStore()
      const life = lifeOf(steps + 1, endsAfter)
      const acknowledged: string[] = []
      const heard: string[] = []
      let upTo = 0
      {
        await using stage = notifierStage(killedStore(store, life))
        const run = async () => {
          for (const notification of [start, stop]) {
            await stage.notify(flamelet, notification, 'once')
            acknowledged.push(notification.type)
            for (const found of await stage.receive(flamelet, upTo)) {
              heard.push(found.notification.type)
              upTo = found.number
            }
          }
          await stage.receive(flamelet, upTo)
        }
        await run().catch(() => {})
      }
      finished = !life.ended
      await using stage = notifierStage(store)
      const at = `${steps} ${endsAfter}`
      const kept = (await stage.receive(flamelet, upTo)).map(({ notification: { type } }) => type)
      t.true([acknowledged.length, acknowledged.length + 1].includes([...heard, ...kept].length), at)
      for (const notification of [start, stop]) await stage.notify(flamelet, notification, 'once')
      for (const found of await stage.receive(flamelet, upTo)) heard.push(found.notification.type)
      t.deepEqual(heard, ['START_JOB', 'STOP_JOB'], at)
    }
  }
  t.true(steps > 3, `${steps} steps`)
})
