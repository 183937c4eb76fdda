import test from 'ava'
import fc from 'fast-check'
import { fedProx } from './client/index.ts'
import { delta, members, stepped, trained } from './given-updates.contract.ts'
import { krum } from './robust/index.ts'
import { fedAvg } from './server/index.ts'

test('FedProx is FedAvg with a proximal term for the trainers', async (t) => {
  const algorithm = fedProx({ mu: 0.1, quorum: 0.5 })
  t.like(algorithm, { name: 'fedprox', server: fedAvg().server, waiting: { quorum: 0.5 } })
  t.deepEqual(await trained(algorithm), { terms: [{ proximal: 0.1 }], weight: 5 })
})

test('Krum takes one of the deltas: the one that all have, and never that of an outlier', (t) => {
  fc.assert(
    fc.property(members(5), delta, (round, one) => {
      const moved = Array.from(stepped(krum({ f: 1 }), [round]), (each) => each - 1)
      t.true(round.some(({ delta }) => delta.every((each, index) => each === moved[index])))
      const same = round.map(() => ({ delta: one, weight: 1 }))
      const outlier = { delta: one.map((each) => each + 100), weight: 60 }
      t.deepEqual(stepped(krum({ f: 1 }), [[outlier, ...same]]), stepped(fedAvg(), [same]))
    }),
    { numRuns: 50 },
  )
})

test('Krum chooses the same delta wherever it is added to all of them, and of equal scores the first end', (t) => {
  fc.assert(
    fc.property(members(3), delta, (round, shift) => {
      const moved = round.map(({ delta, weight }) => ({
        weight,
        delta: delta.map((each, index) => each + (shift[index] ?? 0)),
      }))
      const [plain, shifted] = [stepped(krum({ f: 0 }), [round]), stepped(krum({ f: 0 }), [moved])]
      t.deepEqual(
        shifted,
        plain.map((each, index) => each + (shift[index] ?? 0)),
      )
    }),
    { numRuns: 50 },
  )
  const [a, b] = [
    { delta: [0, 0, 0], weight: 1 },
    { delta: [1, 0, 0], weight: 1 },
  ]
  t.deepEqual(stepped(krum({ f: 0 }), [[a, a, b, b]]), Float32Array.of(1, 1, 1))
  t.deepEqual(stepped(krum({ f: 0 }), [[b, b, a, a]]), Float32Array.of(2, 1, 1))
})

test('Krum needs 2f + 3 members, each by itself', (t) => {
  t.like(krum({ f: 2 }), { aggregation: { needs: 'each' }, waiting: { minimumUpdates: 7 } })
  t.like(krum({ f: 0, minimumUpdates: 5 }), { waiting: { minimumUpdates: 5 } })
})

test('settings out of range are refused, named with what was expected', (t) => {
  for (const [settings, name] of [
    [{ fraction: 0 }, 'fraction'],
    [{ fraction: 1.1 }, 'fraction'],
    [{ fraction: Number.NaN }, 'fraction'],
    [{ quorum: 0 }, 'quorum'],
    [{ deadlineMs: 0 }, 'deadlineMs'],
    [{ minimumUpdates: 0 }, 'minimumUpdates'],
    [{ minimumUpdates: 1.5 }, 'minimumUpdates'],
    [{ quantumBits: 52 }, 'quantumBits'],
    [{ quantumBits: 12.5 }, 'quantumBits'],
  ] as const) {
    t.like(
      t.throws(() => fedAvg(settings)),
      { code: 'STRATEGY_SETTING', values: { name } },
    )
  }
  t.like(
    t.throws(() => fedProx({ mu: -1 })),
    { code: 'STRATEGY_SETTING', message: 'fedprox: mu is -1, expected a number at least 0' },
  )
})

test('a setting that an algorithm has not is refused with those that it has, and one that is missing', (t) => {
  t.regex(
    t.throws(() => fedProx.from({ mu: 1, fractoin: 0.5 }), { code: 'STRATEGY_SETTING_UNKNOWN' })?.message ?? '',
    /fedprox has no setting fractoin; it has mu, fraction, .*did you mean fraction/,
  )
  t.like(
    t.throws(() => fedProx.from({}), { code: 'STRATEGY_SETTING' }),
    { values: { name: 'mu', expected: 'a number at least 0' } },
  )
})
