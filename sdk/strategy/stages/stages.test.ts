import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../../random/random-stream.ts'
import { secretStream } from '../../random/secret-stream.ts'
import { layoutOf } from '../../weights/layout.ts'
import type { Stage } from '../algorithm.ts'
import { norm } from './clip.ts'
import { noise } from './noise.ts'
import { writtenStages } from './written-stages.ts'

const value = fc.integer({ min: -640, max: 640 }).map((count) => count / 64)
const deltas = (length: number) =>
  fc.array(
    fc.array(value, { minLength: length, maxLength: length }).map((values) => Float32Array.from(values)),
    { minLength: 1, maxLength: 6 },
  )
const runs = { numRuns: 60 }

function only(text: string): Stage {
  const [stage] = writtenStages(text)
  if (!stage) throw new Error(`${text} names no stage`)
  return stage
}

/** What a client sends of its deltas, round after round, and its state after each round. */
function sent(
  { client }: Stage,
  given: readonly Float32Array[],
  seed = 1,
  layout = layoutOf([{ name: 'w', shape: [given[0]?.length ?? 0] }]),
) {
  let own = client?.init?.(layout)
  return given.map((delta, round) => {
    const contribution = { vectors: { delta }, weight: 1, samples: 1, metrics: {} }
    const streams = { random: randomStream(seed, round), secret: randomStream(seed, round, 'secret') }
    const changed = client?.apply(contribution, own, { terms: {}, layout, ...streams })
    own = changed?.own
    return { delta: changed?.contribution.vectors.delta ?? delta, own }
  })
}

const one = (text: string, delta: Float32Array, seed?: number) => sent(only(text), [delta], seed)[0]?.delta ?? delta

test('a clipped update has at most the norm, and a short one stays as it is', (t) => {
  fc.assert(
    fc.property(deltas(5), ([delta = new Float32Array()]) => {
      t.true(norm(one('clip:1', delta)) <= 1 + 1e-6)
      t.is(one(`clip:${norm(delta) + 1}`, delta), delta)
    }),
    runs,
  )
})

test('nothing decodes to nothing, whatever the encoding', (t) => {
  for (const text of ['top-k:0.5', 'random-k:0.5', 'qsgd', 'scaled-sign', 'uniform', 'clip:1'])
    t.deepEqual(one(text, new Float32Array(6)), new Float32Array(6), text)
})

test('top-k keeps the largest magnitudes, the lower index of equal ones, and with k = N everything', (t) => {
  t.deepEqual(one('top-k:k=2', Float32Array.of(1, -2, 2, 0, 2)), Float32Array.of(0, -2, 2, 0, 0))
  fc.assert(
    fc.property(deltas(7), ([delta = new Float32Array()]) => {
      t.deepEqual(one('top-k:1', delta), delta)
      t.deepEqual(one('random-k:1', delta), delta)
    }),
    runs,
  )
})

test('with error feedback, all that was sent and the error sum to the updates', (t) => {
  fc.assert(
    fc.property(deltas(6), fc.nat(), (given, seed) => {
      for (const text of ['top-k:0.4', 'random-k:0.4:errorFeedback=on', 'scaled-sign', 'uniform:2']) {
        const rounds = sent(only(text), given, seed)
        const { error } = Object(rounds.at(-1)?.own)
        for (let i = 0; i < 6; i++) {
          const all = given.reduce((sum, delta) => sum + (delta[i] ?? 0), 0)
          const out = rounds.reduce((sum, { delta }) => sum + (delta[i] ?? 0), 0)
          t.true(Math.abs(out + error[i] - all) <= 1e-3, text)
        }
      }
    }),
    runs,
  )
})

test('stages are their formulas in float64, with ties and values of several magnitudes', (t) => {
  const wide = fc.oneof(value, fc.constantFrom(0, 1000, 2 ** -20))
  const halfToEven = (x: number) => {
    const down = Math.floor(x)
    if (x - down !== 0.5) return Math.round(x)
    return down % 2 === 0 ? down : down + 1
  }
  fc.assert(
    fc.property(fc.array(wide, { minLength: 8, maxLength: 8 }), fc.integer({ min: 2, max: 9 }), (given, bits) => {
      const delta = Float32Array.from(given)
      const of = (text: string) => [...one(text, delta)]
      const near = (found: readonly number[], expected: readonly number[], what: string) =>
        t.true(
          found.every((each, i) => Math.abs(each - (expected[i] ?? Number.NaN)) <= 1e-6 * (1 + Math.abs(each))),
          `${what}: expected ${expected}, found ${found}`,
        )
      const scale = Math.max(...given.map(Math.abs)) / (2 ** (bits - 1) - 1)
      const uniform = given.map((each) => (scale === 0 ? 0 : scale * halfToEven(each / scale)))
      near(of(`uniform:${bits}:errorFeedback=off`), uniform, 'uniform')
      const l1 = given.reduce((sum, each) => sum + Math.abs(each), 0)
      near(
        of('scaled-sign:errorFeedback=off'),
        given.map((each) => (l1 / 8) * Math.sign(each)),
        'scaled-sign',
      )
      const order = given
        .map((_, i) => i)
        .toSorted((a, b) => Math.abs(given[b] ?? 0) - Math.abs(given[a] ?? 0) || a - b)
      const kept = new Set(order.slice(0, bits - 1))
      near(
        of(`top-k:k=${bits - 1}:errorFeedback=off`),
        given.map((each, i) => (kept.has(i) ? each : 0)),
        'top-k',
      )
      const length = Math.hypot(...given)
      near(
        of('clip:2'),
        given.map((each) => each * Math.min(1, 2 / (length || 1))),
        'clip',
      )
      for (const [i, each] of of('qsgd:levels=3:bucket=5').entries()) {
        const bucket = Math.hypot(...(i < 5 ? given.slice(0, 5) : given.slice(5)))
        const exact = given[i] ?? 0
        const level = bucket === 0 ? 0 : (each / bucket) * 3
        t.true(Math.abs(level - Math.round(level)) < 1e-5)
        t.true(Math.abs(each - exact) <= bucket / 3 + 1e-6 * bucket)
        if (exact !== 0 && each !== 0) t.is(Math.sign(each), Math.sign(exact))
      }
    }),
    { numRuns: 200 },
  )
})

test('QSGD and random-k are unbiased over streams, and QSGD is off by less than ‖x‖/s', (t) => {
  const delta = Float32Array.of(0.5, -1.25, 0, 2)
  const draws = 20_000
  for (const text of ['qsgd:levels=3', 'random-k:0.5']) {
    const means = new Float64Array(delta.length)
    for (let seed = 0; seed < draws; seed++) {
      const decoded = one(text, delta, seed)
      for (const [i, value] of decoded.entries()) means[i] = (means[i] ?? 0) + value / draws
      if (text.startsWith('qsgd'))
        t.true(decoded.every((value, i) => Math.abs(value - (delta[i] ?? 0)) <= norm(delta) / 3 + 1e-6))
    }
    // Six standard deviations of a mean of draws, each within ±4.
    for (const [i, mean] of means.entries()) t.true(Math.abs(mean - (delta[i] ?? 0)) < (6 * 4) / Math.sqrt(draws), text)
  }
})

test('even steps are those of each tensor by itself', (t) => {
  const layout = layoutOf([
    { name: 'w', shape: [2, 2] },
    { name: 'none', shape: [0] },
    { name: 'b', shape: [2] },
  ])
  const stage = only('uniform:3:errorFeedback=off')
  fc.assert(
    fc.property(deltas(6), ([delta = new Float32Array()]) => {
      const parts = [delta.slice(0, 4), delta.slice(4)].map((part) => [...one('uniform:3:errorFeedback=off', part)])
      t.deepEqual([...(sent(stage, [delta], 1, layout)[0]?.delta ?? [])], parts.flat())
    }),
    runs,
  )
})

test('the noise is that of the secret stream, with its deviation, and is never left out for want of a stream', (t) => {
  const size = 20_000
  const layout = layoutOf([{ name: 'w', shape: [size] }])
  const contribution = { vectors: { delta: new Float32Array(size) }, weight: 1, samples: 1, metrics: {} }
  const apply = (secret: ReturnType<typeof secretStream> | undefined) =>
    noise(0.5).client?.apply(contribution, null, { terms: {}, layout, random: randomStream(1), secret }).contribution
      .vectors.delta ?? new Float32Array()
  const secret = new Uint8Array(32).fill(7)
  const noisy = apply(secretStream(secret, 1, 'noise'))
  t.deepEqual(apply(secretStream(secret, 1, 'noise')), noisy)
  t.notDeepEqual(apply(secretStream(secret, 2, 'noise')), noisy)
  const variance = noisy.reduce((sum, value) => sum + value * value, 0) / size
  // Six standard deviations of a variance.
  t.true(Math.abs(variance - 0.25) < 6 * 0.25 * Math.sqrt(2 / size))
  t.throws(() => apply(undefined), { message: /secret stream/ })
})

test('a list of stages is read in its order, with faults that say what was expected', (t) => {
  t.deepEqual(
    writtenStages('clip:1, top-k:0.01:errorFeedback=off,qsgd').map(({ name }) => name),
    ['clip', 'top-k', 'qsgd'],
  )
  for (const [text, code] of [
    ['clp:1', 'STRATEGY_UNKNOWN'],
    ['clip', 'STRATEGY_SETTING'],
    ['clip:0', 'STRATEGY_SETTING'],
    ['clip:1:nrm=2', 'STRATEGY_SETTING_UNKNOWN'],
    ['clip:1:norm=2', 'STRATEGY_STAGES'],
    ['clip:', 'STRATEGY_STAGES'],
    ['clip:1,', 'STRATEGY_UNKNOWN'],
  ] as const)
    t.throws(() => writtenStages(text), { code }, text)
})
