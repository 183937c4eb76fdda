import test from 'ava'
import fc from 'fast-check'
import type { Availability } from '../behaviour.ts'
import { diurnal } from './diurnal.ts'
import { dayMs, hourMs } from './draws.ts'
import { always, churn, skew } from './lives.ts'
import { onOff } from './on-off.ts'
import { traceOf } from './trace.ts'
import { tracedAvailability } from './traced.ts'

const trace = traceOf(
  [
    'device,attribute,value,end',
    '*,period,86400,',
    'a,available,0,3600',
    'a,available,80000,86400',
    'b,available,100.5,100.6',
    'c,available,0,86400',
    'd,available,0,0',
    'e,available,10,20',
    'e,period,30,',
  ].join('\n'),
  'test.csv',
)

const models: Readonly<Record<string, (seed: number) => Availability>> = {
  always: (seed) => always({}, { seed }),
  diurnal: (seed) => diurnal({}, { seed }),
  'diurnal of short nights': (seed) => diurnal({ night: 0.05, day: 0, jitter: 0 }, { seed }),
  'diurnal of long nights': (seed) => diurnal({ night: 1, day: 0.9, jitter: 1, zones: 'us' }, { seed }),
  'on-off': (seed) => onOff({ on: 20, off: 40 }, { seed }),
  'on-off of rare times': (seed) => onOff({ on: 0.5, off: 3000 }, { seed }),
  'on-off of rare pauses': (seed) => onOff({ on: 3000, off: 0.5 }, { seed }),
  'on-off of milliseconds': (seed) => onOff({ on: 0.001, off: 0.001 }, { seed }),
  trace: (seed) => tracedAvailability({}, { seed, trace }),
  churn: (seed) =>
    churn({ arrivalDays: 3, lifetimeDays: 5, present: 0.2 }, { seed })(onOff({ on: 60, off: 60 }, { seed })),
  'endless churn': (seed) => churn({ arrivalDays: 3, lifetimeDays: 'endless' }, { seed })(always({}, { seed })),
  'skewed diurnal': (seed) => skew({ minutes: 90 }, { seed })(diurnal({}, { seed })),
  'skewed trace': (seed) => skew({ minutes: 90 }, { seed })(tracedAvailability({}, { seed, trace })),
}

const times = fc.oneof(
  fc.double({ min: 0, max: 20 * dayMs, noNaN: true }),
  fc.integer({ min: 0, max: 20 * dayMs }),
  fc.integer({ min: 0, max: 480 }).map((hours) => hours * hourMs),
)

/** Times at which a model may err: within some intervals of others, and just beside their ends. */
function* timesBetween(from: number, to: number): Generator<number> {
  const last = Math.min(to, from + 40 * dayMs)
  for (const part of [0, 1e-9, 0.1, 0.37, 0.5, 0.81, 0.999]) yield from + part * (last - from)
  if (last - 1 > from) yield last - 1
  if (last - 0.5 > from) yield last - 0.5
  yield Math.max(from, last * (1 - 2 ** -53))
}

/** The answers of a model about a device that contradict each other. Thousands of assertions of ava would take most of the time. */
function disagreement(model: Availability, device: number, at: number): string | undefined {
  const next = model.next(device, at)
  if (!(next >= at)) return `next ${next} before ${at}`
  if (model.isAvailable(device, at) !== (next === at)) return `at ${at}, with the next time ${next}`
  for (const time of timesBetween(at, next))
    if (time < next && model.isAvailable(device, time)) return `there at ${time} before ${next}`
  if (next === Number.POSITIVE_INFINITY) return undefined
  if (!model.isAvailable(device, next)) return `away at ${next}`
  const until = model.until(device, next)
  if (!(until > next)) return `until ${until}, from ${next}`
  for (const time of timesBetween(next, until)) {
    if (time >= until) continue
    if (!model.isAvailable(device, time)) return `away at ${time} before ${until}`
    if (model.until(device, time) !== until) return `until another time than ${until} at ${time}`
  }
  return until !== Number.POSITIVE_INFINITY && model.isAvailable(device, until) ? `there at ${until}` : undefined
}

for (const [name, modelOf] of Object.entries(models)) {
  test(`${name}: times, intervals and the next time agree`, (t) => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 10_000_000 }), times, (seed, device, at) => {
        t.is(disagreement(modelOf(seed), device, at), undefined)
      }),
      { numRuns: 300 },
    )
  })
}

const devices = 20_000

/** The share of devices that are available, with five standard deviations of the share. */
function shareAt(model: Availability, at: number) {
  let there = 0
  for (let device = 0; device < devices; device++) if (model.isAvailable(device, at)) there++
  return there / devices
}

const near = (share: number, expected: number) =>
  Math.abs(share - expected) <= 5 * Math.sqrt(Math.max(expected * (1 - expected), 1e-4) / devices)

for (const jitter of [0, 0.2, 1])
  test(`by day the share of devices follows the curve of the settings, with jitter ${jitter}`, (t) => {
    const [night, day, peak] = [0.6, 0.2, 3]
    const model = diurnal({ night, day, peak, jitter, zones: 'one' }, { seed: 5 })
    for (const hours of [0, 3, 7.5, 15, 22]) {
      const fromPeak = Math.min(Math.abs(hours - peak), 24 - Math.abs(hours - peak))
      const expected = day + (night - day) * (1 - fromPeak / 12) ** 2
      for (const at of [hours * hourMs, 17 * dayMs + hours * hourMs]) {
        const share = shareAt(model, at)
        t.true(near(share, expected), `${hours} h: ${share}, expected ${expected}`)
      }
    }
  })

test('by the zones of the world the share hardly changes, within one country by a factor of about four', (t) => {
  const factor = (zones: 'us' | 'world') => {
    const model = diurnal({ zones }, { seed: 2 })
    const shares = Array.from({ length: 24 }, (_, hour) => shareAt(model, 3 * dayMs + hour * hourMs))
    return Math.max(...shares) / Math.min(...shares)
  }
  const [us, world] = [factor('us'), factor('world')]
  t.true(us > 3 && us < 4.2, `${us}`)
  t.true(world < us / 1.5, `${world}`)
})

test('a habit stays from night to night as far as jitter lets it, and zones are in their order', (t) => {
  const lengths = (jitter: number) => {
    const model = diurnal({ night: 1, day: 0, zones: 'one', jitter }, { seed: 3 })
    return Array.from({ length: 400 }, (_, device) =>
      [1, 2].map((night) => model.until(device, night * dayMs + 2 * hourMs) - night * dayMs),
    )
  }
  const differences = (jitter: number) =>
    lengths(jitter).reduce((sum, [one = 0, other = 0]) => sum + Math.abs(one - other), 0) / 400
  t.is(differences(0), 0)
  t.true(differences(0.1) > 0 && differences(0.1) < differences(1) / 3)

  // At 18:00 UTC it is night in the east of the world, at 8:00 in the west.
  const model = diurnal({ night: 1, day: 0, zones: 'world' }, { seed: 3 })
  const rankAt = (hour: number) => {
    const there = Array.from({ length: devices }, (_, device) => device).filter((device) =>
      model.isAvailable(device, 2 * dayMs + hour * hourMs),
    )
    return there.reduce((sum, device) => sum + model.zoneRank(device), 0) / there.length
  }
  t.true(rankAt(18) > rankAt(8) + 0.1)
})

test('on and off: the share is stationary, and the intervals are exponential with the means of the settings', (t) => {
  const [on, off] = [30, 90]
  const model = onOff({ on, off }, { seed: 4 })
  for (const at of [0, 17 * hourMs, 90 * dayMs]) t.true(near(shareAt(model, at), on / (on + off)))

  const lengths: number[] = []
  const pauses: number[] = []
  for (let device = 0; device < 2_000; device++) {
    const start = model.next(device, model.until(device, model.next(device, 0)))
    const end = model.until(device, start)
    lengths.push((end - start) / 60_000)
    pauses.push((model.next(device, end) - end) / 60_000)
  }
  for (const [values, mean] of [
    [lengths, on],
    [pauses, off],
  ] as const) {
    const found = values.reduce((sum, value) => sum + value, 0) / values.length
    t.true(Math.abs(found / mean - 1) < 5 / Math.sqrt(values.length), `mean ${found} of ${mean}`)
    for (const part of [0.1, 0.5, 1, 2]) {
      const share = values.filter((value) => value > part * mean).length / values.length
      t.true(Math.abs(share - Math.exp(-part)) < 2.5 / Math.sqrt(values.length), `${share} beyond ${part} of ${mean}`)
    }
  }
})

test('on and off forgets: what a device does later is independent of now', (t) => {
  const model = onOff({ on: 30, off: 30 }, { seed: 6 })
  const minutes = 20
  let both = 0
  for (let device = 0; device < devices; device++)
    if (model.isAvailable(device, dayMs) && model.isAvailable(device, dayMs + minutes * 60_000)) both++
  // P(on, then on) of the process: π² + π (1 − π) exp(−(1/on + 1/off) · t).
  t.true(near(both / devices, 0.25 + 0.25 * Math.exp((-2 / 30) * minutes)), `${both / devices}`)
})

test('with churn, devices come evenly over the first days, and live for an exponential time', (t) => {
  const model = churn({ arrivalDays: 4, lifetimeDays: 10, present: 0.5 }, { seed: 7 })(always({}, { seed: 7 }))
  const stay = (days: number) => Math.exp(-days / 10)
  t.true(near(shareAt(model, 0), 0.5))
  // A half from the start, and those of the second half that came x days ago, for x from 0 to 2, or from 6 to 10.
  t.true(near(shareAt(model, 2 * dayMs), 0.5 * stay(2) + (0.5 / 4) * 10 * (1 - stay(2))))
  t.true(near(shareAt(model, 10 * dayMs), 0.5 * stay(10) + (0.5 / 4) * 10 * (stay(6) - stay(10))))
  t.is(shareAt(model, 400 * dayMs), 0)
})

test('a fast clock brings a device forward, by minutes of the standard deviation', (t) => {
  const plain = diurnal({}, { seed: 8 })
  const model = skew({ minutes: 30 }, { seed: 8 })(plain)
  const differences = Array.from({ length: 4_000 }, (_, device) => {
    const [one, other] = [model.next(device, 5 * dayMs), plain.next(device, 5 * dayMs)]
    return one > 5 * dayMs && other > 5 * dayMs && Math.abs(one - other) < dayMs / 4 ? (one - other) / 60_000 : 0
  }).filter((difference) => difference !== 0)
  const deviation = Math.sqrt(differences.reduce((sum, each) => sum + each ** 2, 0) / differences.length)
  t.true(Math.abs(deviation - 30) < 2, `${deviation}`)
})

test('a model of another seed, or another part, behaves otherwise; of the same ones alike', (t) => {
  const bits = (seed: number, part: string) => {
    const model = onOff({ on: 30, off: 30 }, { seed, part })
    return Array.from({ length: 200 }, (_, device) => Number(model.isAvailable(device, dayMs))).join('')
  }
  t.is(bits(1, 'a'), bits(1, 'a'))
  t.not(bits(1, 'a'), bits(2, 'a'))
  t.not(bits(1, 'a'), bits(1, 'b'))
})

test('a device that is never away stays for ever, and the search for its end ends', (t) => {
  t.is(diurnal({ night: 1, day: 1 }, { seed: 1 }).until(3, 0), Number.POSITIVE_INFINITY)
})
