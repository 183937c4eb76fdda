import test from 'ava'
import fc from 'fast-check'
import type { DeviceNumbers } from '../behaviour.ts'
import { constant, instant, logNormal, tiers } from './device-numbers.ts'
import { deviceDraws } from './draws.ts'
import { traceOf } from './trace.ts'
import { tracedNumbers } from './traced.ts'
import { allFaults, dropout, jitter, lostLink } from './work-faults.ts'

const devices = 40_000
const all = Array.from({ length: devices }, (_, device) => device)
const shareOf = (is: (device: number) => boolean) => all.filter(is).length / devices
const near = (share: number, expected: number) =>
  Math.abs(share - expected) <= 5 * Math.sqrt((expected * (1 - expected)) / devices)

const trace = traceOf(
  'device,attribute,value,end\na,speed,3\nb,speed,1\nc,speed,3\nd,speed,20\ne,speed,0.5',
  'test.csv',
)

test('draws of devices, counts, labels and seeds are uniform, and independent of each other', (t) => {
  const draw = deviceDraws(1, 'one')
  const others: readonly ((device: number) => number)[] = [
    (device) => draw(device, 1),
    (device) => draw(device + 1, 0),
    (device) => deviceDraws(1, 'two')(device, 0),
    (device) => deviceDraws(2, 'one')(device, 0),
    (device) => deviceDraws(1, 'on', 'e')(device, 0),
  ]
  for (const bound of [0.01, 0.3, 0.5, 0.9]) {
    t.true(
      near(
        shareOf((device) => draw(device, 0) < bound),
        bound,
      ),
    )
    t.true(
      near(
        shareOf((device) => draw(7, device) < bound),
        bound,
      ),
    )
    for (const other of others)
      t.true(
        near(
          shareOf((device) => draw(device, 0) < bound && other(device) < bound),
          bound ** 2,
        ),
      )
  }
  for (const device of [0, 1, 2 ** 31, 2 ** 32 - 1]) t.true(draw(device, 0) > 0 && draw(device, 0) < 1)
})

test("no device's draws are those of another device, moved by some counts", (t) => {
  const draw = deviceDraws(1, 'one')
  const [many, counts] = [100_000, 16]
  const draws = Uint32Array.from({ length: many * counts }, (_, index) =>
    Math.floor(draw(index % many, Math.floor(index / many)) * 2 ** 32),
  )
  draws.sort()
  const twice = draws.filter((value, index) => value === draws[index - 1]).length
  // As many as among numbers of 32 bits that are drawn at random, within six standard deviations.
  const expected = draws.length ** 2 / 2 ** 33
  t.true(Math.abs(twice - expected) < 6 * Math.sqrt(expected), `${twice}, expected ${expected}`)
})

test('half of log-normal numbers are below the median, and σ spans their quantiles', (t) => {
  const { of } = logNormal({ median: 20, sigma: 0.8 }, { seed: 1 })
  for (const [z, expected] of [
    [-1.96, 0.025],
    [-1, 0.1587],
    [0, 0.5],
    [1, 0.8413],
    [1.96, 0.975],
  ] as const)
    t.true(
      near(
        shareOf((device) => of(device) < 20 * Math.exp(0.8 * z)),
        expected,
      ),
      `z ${z}`,
    )
})

test('tiers have their shares, in any order of the list', (t) => {
  for (const list of ['0.3:1,0.5:4,0.2:20', '0.2:20, 0.3:1, 0.5:4']) {
    const { of } = tiers({ list }, { seed: 1 })
    for (const [value, share] of [
      [1, 0.3],
      [4, 0.5],
      [20, 0.2],
    ] as const)
      t.true(
        near(
          shareOf((device) => of(device) === value),
          share,
        ),
      )
  }
})

const seeded: Readonly<Record<string, DeviceNumbers>> = {
  instant: instant({}, { seed: 3 }),
  constant: constant({ value: 5 }, { seed: 3 }),
  lognormal: logNormal({ median: 1, sigma: 2 }, { seed: 3 }),
  tiers: tiers({ list: '0.5:1,0.5:2' }, { seed: 3 }),
  trace: tracedNumbers({}, { seed: 3, part: 'speed', trace }),
}

for (const [name, { of, rank }] of Object.entries(seeded))
  test(`${name}: ranks are uniform, and a device with a higher number has a higher rank`, (t) => {
    if (!rank) return t.fail('it has no rank')
    for (const bound of [0.1, 0.5, 0.8])
      t.true(
        near(
          shareOf((device) => rank(device) < bound),
          bound,
        ),
      )
    const device = fc.integer({ min: 0, max: 2 ** 32 - 1 })
    fc.assert(
      fc.property(device, device, (one, other) => {
        t.true(of(one) > 0)
        if (of(one) < of(other)) t.true(rank(one) < rank(other))
      }),
    )
  })

test('devices of a trace have its numbers, and those beyond it the numbers of one of its devices', (t) => {
  const { of } = tracedNumbers({}, { seed: 3, part: 'speed', trace })
  t.deepEqual([0, 1, 2, 3, 4].map(of), [3, 1, 3, 20, 0.5])
  t.true(
    near(
      shareOf((device) => of(device) === 3),
      2 / 5,
    ),
  )
  t.true(
    near(
      shareOf((device) => of(device) === 20),
      1 / 5,
    ),
  )
})

test('works are dropped, late and lost with the probabilities and means of the settings', (t) => {
  const { dropsOutAt, delay } = allFaults([
    dropout({ probability: 0.1 }, { seed: 1 }),
    lostLink({ probability: 0.2, seconds: 30 }, { seed: 1 }),
  ])
  const parts = all.flatMap((work) => dropsOutAt?.(work % 7, work) ?? [])
  t.true(near(parts.length / devices, 0.1))
  t.true(Math.abs(parts.reduce((sum, part) => sum + part, 0) / parts.length - 0.5) < 0.03)
  t.true(parts.every((part) => part > 0 && part < 1))
  const late = all.map((work) => delay?.(work % 7, work) ?? 0).filter((ms) => ms > 0)
  t.true(near(late.length / devices, 0.2))
  t.true(Math.abs(late.reduce((sum, ms) => sum + ms, 0) / late.length / 30_000 - 1) < 0.06)
})

test('jitter is log-normal and drawn anew for each work, and delays add up', (t) => {
  const one = jitter({ milliseconds: 200, sigma: 0.5 }, { seed: 1 })
  t.true(
    near(
      shareOf((work) => (one.delay?.(3, work) ?? 0) < 200),
      0.5,
    ),
  )
  t.true(
    near(
      shareOf((work) => (one.delay?.(3, work) ?? 0) < 200 * Math.exp(0.5)),
      0.8413,
    ),
  )
  const twice = allFaults([one, one])
  for (const work of [0, 1, 5]) t.is(twice.delay?.(3, work), 2 * (one.delay?.(3, work) ?? 0))
  t.is(twice.dropsOutAt, undefined)
})

test('settings out of their ranges are refused by name', (t) => {
  const refused = (make: () => unknown, values: object) =>
    t.like(t.throws(make, { code: 'BEHAVIOUR_SETTING' }), { values })
  refused(() => logNormal({ median: 0, sigma: 1 }, { seed: 1 }), { of: 'lognormal', name: 'median', came: 0 })
  refused(() => dropout({ probability: 1.5 }, { seed: 1 }), { of: 'dropout', name: 'probability' })
  refused(() => tiers({ list: '0.3:1,0.5:4' }, { seed: 1 }), { of: 'tiers', came: 'shares with the sum 0.8' })
  for (const list of ['', '1', '1:', '0.5:1,0.5:-2', '1:2:3', 'a:b', '1:Infinity'])
    refused(() => tiers({ list }, { seed: 1 }), { of: 'tiers', expected: 'share:number, both above 0, such as 0.3:1' })
})
