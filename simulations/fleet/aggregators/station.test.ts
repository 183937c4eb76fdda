import test from 'ava'
import fc from 'fast-check'
import type { AggregatorCapacity } from './capacity.ts'
import { Outages } from './outages.ts'
import { Station, type Waiting } from './station.ts'

/** Updates that come after each other: milliseconds since the one before, and bytes. */
const comings = fc.array(
  fc.record({ after: fc.integer({ min: 0, max: 300 }), bytes: fc.integer({ min: 1, max: 2_000 }) }),
  {
    minLength: 1,
    maxLength: 60,
  },
)
const capacities = fc.record({
  updates: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
  receive: fc.option(fc.integer({ min: 500, max: 100_000 }), { nil: undefined }),
  memory: fc.option(fc.integer({ min: 2_000, max: 8_000 }), { nil: undefined }),
  failures: fc.option(
    fc.record({ perHour: fc.integer({ min: 60, max: 3_600 }), seconds: fc.integer({ min: 1, max: 5 }) }),
    {
      nil: undefined,
    },
  ),
})

interface Update extends Waiting {
  readonly comes: number
  readonly bytes: number
}

const outagesOf = ({ failures }: AggregatorCapacity) => failures && new Outages(failures, 7, 'top-0')

/** Takes the updates that come, each at its time, as a fleet does. A station may be kept and made again at an event. */
function taken(capacity: AggregatorCapacity, coming: readonly { after: number; bytes: number }[], keptAt = -1) {
  let comes = 0
  const updates: Update[] = coming.map(({ after, bytes }, order) => {
    comes += after
    return { order, bytes, comes, at: comes }
  })
  let station = new Station(capacity, () => {}, outagesOf(capacity))
  const queued = new Set<Update>()
  const order: number[] = []
  const times: number[] = []
  const waiting = new Set(updates)
  for (let event = 0; waiting.size > 0; event++) {
    if (event === keptAt) {
      const { saved } = station
      station = new Station(capacity, () => {}, outagesOf(capacity))
      station.resume(structuredClone(saved), new Map([...queued].map((update) => [update.order, update])))
    }
    const [next] = [...waiting].toSorted((a, b) => a.at - b.at || a.order - b.order)
    if (!next) break
    const now = next.at
    if (!queued.has(next)) {
      queued.add(next)
      station.queue(next, next.bytes, now)
    } else if (station.take(next, now)) {
      queued.delete(next)
      waiting.delete(next)
      order.push(next.order)
      times.push(now)
      station.committed(now)
    }
  }
  return { updates, order, times, station }
}

test('a station without limits takes each update when it comes', (t) => {
  fc.assert(
    fc.property(comings, (coming) => {
      const { updates, times, station } = taken({}, coming)
      t.deepEqual(
        times,
        updates.map(({ comes }) => comes),
      )
      t.is(
        station.load.received,
        updates.reduce((sum, { bytes }) => sum + bytes, 0),
      )
    }),
  )
})

test('a station takes updates in the order in which they come, no faster than its work, its link and its outages allow', (t) => {
  fc.assert(
    fc.property(comings, capacities, (coming, capacity) => {
      const { updates, order, times, station } = taken(capacity, coming)
      const { updates: rate = Number.POSITIVE_INFINITY, receive = Number.POSITIVE_INFINITY, memory } = capacity
      t.deepEqual(
        order,
        updates.map((update) => update.order),
      )
      for (const [index, at] of times.entries()) {
        t.true(at >= (updates[index]?.comes ?? 0))
        const gap = at - (times[index - 1] ?? 0)
        if (index > 0) t.true(gap >= 1000 / rate - 1e-6 && gap >= 0)
        // Together they can't come faster than the link lets them.
        const sent = updates.slice(1, index + 1).reduce((sum, each) => sum + each.bytes, 0)
        t.true(at >= (updates[0]?.comes ?? 0) + (1000 * sent) / receive - 1e-6)
      }
      if (memory !== undefined) t.true(station.load.mostWaiting <= memory)
      const outages = outagesOf(capacity)
      if (!outages) return
      for (let { next } = outages; next.from < (times.at(-1) ?? 0); outages.pass(), next = outages.next)
        t.false(times.some((at) => at > next.from && at < next.until))
    }),
  )
})

test('a station that is kept and made again goes on to the same times', (t) => {
  fc.assert(
    fc.property(comings, capacities, fc.nat(100), (coming, capacity, keptAt) => {
      const whole = taken(capacity, coming)
      const kept = taken(capacity, coming, keptAt)
      t.deepEqual(kept.times, whole.times)
      t.deepEqual(kept.station.load, whole.station.load)
    }),
  )
})

test('memory moves the waiting to the senders, and changes no time', (t) => {
  const coming = Array.from({ length: 20 }, () => ({ after: 1, bytes: 1_000 }))
  const wide = taken({ updates: 10 }, coming)
  const narrow = taken({ updates: 10, memory: 3_000 }, coming)
  t.deepEqual(narrow.times, wide.times)
  t.is(narrow.station.load.mostWaiting, 3_000)
  t.true(narrow.station.load.waitedMs.memory > 0)
  t.is(wide.station.load.mostWaiting, 20_000)
})

test('after a failure a station receives again what waited, and what was taken since the last commit', (t) => {
  const capacity = { updates: 1, receive: 1_000 }
  const outages = new Outages({ perHour: 1, seconds: 1 }, 3, 'top-0')
  const { from, until } = outages.next
  const station = new Station(capacity, () => {}, outages)
  const first = { order: 0, at: from - 10 }
  // The update before the failure was taken, and isn't committed.
  station.queue(first, 100, from - 2_000)
  t.true(station.take(first, first.at))
  const second = { order: 1, at: from - 10 }
  station.queue(second, 500, from - 10)
  const planned = second.at
  t.true(planned > from)
  t.false(station.take(second, planned))
  // 100 and 500 bytes come again, and two updates are taken again.
  t.is(second.at, until + 2_000)
  t.is(station.load.received, 1_200)
  t.true(station.take(second, second.at))
})

test('a sender that goes away before its update is received has lost it, and the station never had it', (t) => {
  const station = new Station({ receive: 1_000 }, () => {})
  const first = { order: 0, at: 0 }
  t.true(station.queue(first, 4_000, 5_000))
  t.is(first.at, 5_000)
  t.false(station.queue({ order: 1, at: 5_500 }, 4_000, 5_500, 8_000))
  const third = { order: 2, at: 6_000 }
  t.true(station.queue(third, 1_000, 6_000, 6_001))
  t.is(third.at, 6_000)
  t.is(station.load.received, 5_000)
})

test('what is sent leaves one message after the other', (t) => {
  const station = new Station({ send: 1_000 }, () => {})
  t.deepEqual(
    [0, 0, 500, 4_000].map((now) => station.send(now, 1_000)),
    [0, 1_000, 2_000, 4_000],
  )
  t.is(station.load.sendingMs, 4_000)
})
