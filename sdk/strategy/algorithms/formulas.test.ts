import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../../random/random-stream.ts'
import { tinyPool } from '../../testing/index.ts'
import { clientLearner } from '../../training/training-pool.ts'
import { layoutOf } from '../../weights/layout.ts'
import type { Algorithm, Contribution } from '../algorithm.ts'
import { joined } from '../round-sum.ts'
import { fedAsync, fedBuff } from './asynchronous/index.ts'
import { fedDyn, fedNova, scaffold } from './client/index.ts'
import { qFedAvg } from './fair/index.ts'
import {
  bulyan,
  centredClipping,
  flTrust,
  geometricMedian,
  krum,
  median,
  multiKrum,
  normClipping,
  signMajority,
  trimmedMean,
} from './robust/index.ts'
import { fedAdaGrad, fedAdam, fedAvg, fedAvgM, fedYogi } from './server/index.ts'

/**
 * Each algorithm beside its formula, written again in plain float64 over lists, on generated rounds with ties, zeros,
 * equal updates, and values of several magnitudes.
 */

const size = 3
const layout = layoutOf([{ name: 'w', shape: [size] }])
const start = [1, -2, 0.5]

interface Member {
  readonly delta: number[]
  readonly samples: number
  readonly steps: number
  readonly loss: number
}

/** Exact in float32. Few different values, so that ties are frequent. */
const value = fc.oneof(
  fc.constantFrom(0, 1, -1, 0.5),
  fc.integer({ min: -64, max: 64 }).map((count) => count / 16),
  fc.constantFrom(100, -100, 2 ** -12),
)
const delta = fc.array(value, { minLength: size, maxLength: size })
const member: fc.Arbitrary<Member> = fc.record({
  delta,
  samples: fc.integer({ min: 1, max: 40 }),
  steps: fc.integer({ min: 1, max: 6 }),
  loss: fc.constantFrom(0, 0.01, 0.5, 1, 2.25),
})
const round = (least: number, most: number) =>
  fc.oneof(
    fc.array(member, { minLength: least, maxLength: most }),
    // All equal.
    fc
      .tuple(member, fc.integer({ min: least, max: most }))
      .map(([one, count]) => Array.from({ length: count }, () => one)),
  )
const rounds = (least = 1, most = 9) => fc.array(round(least, most), { minLength: 1, maxLength: 3 })

interface Surroundings {
  readonly population?: number
  readonly root?: readonly number[]
  readonly learningRate?: number
  readonly momentum?: number
}

/** The weights after each round, from contributions that the algorithm's clients make of the given updates. */
async function weightsAfter(algorithm: Algorithm, given: readonly (readonly Member[])[], of: Surroundings = {}) {
  const { population = 12, root, learningRate = 0.5, momentum = 0 } = of
  const weights = Float32Array.from(start)
  const state = algorithm.server.init(layout)
  const owns = new Map<string, unknown>()
  const found: number[][] = []
  for (const [index, members] of given.entries()) {
    const terms = algorithm.server.assign?.(state, index + 1) ?? {}
    const contributions: Record<string, Contribution> = {}
    for (const [k, { delta, samples, steps, loss }] of members.entries()) {
      // Sorted as their numbers are: ties fall to the first.
      const end = `trainer-${10 + k}`
      const learner = {
        ...clientLearner(
          {
            ...tinyPool({ clients: 12, size }),
            ownSteps: { learningRate, momentum, epochs: 1, batch: 1 },
            train: async () => ({ delta: Float32Array.from(delta), samples, steps, metrics: {} }),
            evaluateClient: async () => ({ samples, metrics: { loss } }),
          },
          k,
          end,
        ),
      }
      const own = owns.get(end) ?? algorithm.client.init?.(layout)
      const assignment = { end, round: index + 1, weights: weights.slice(), terms }
      const made = await algorithm.client.train(assignment, own, learner, randomStream(1))
      owns.set(end, made.own)
      contributions[end] = made.contribution
    }
    const aggregate = joined(algorithm, layout, contributions, {
      round: index + 1,
      population,
      root: root && Float32Array.from(root),
    })
    algorithm.server.step(weights, aggregate, state, randomStream(1))
    found.push([...weights])
  }
  return found
}

type Vector = readonly number[]
const sum = (values: Vector) => values.reduce((all, each) => all + each, 0)
const plus = (a: Vector, b: Vector, factor = 1) => a.map((each, i) => each + factor * (b[i] ?? 0))
const times = (a: Vector, factor: number) => a.map((each) => factor * each)
const dot = (a: Vector, b: Vector) => sum(a.map((each, i) => each * (b[i] ?? 0)))
const length = (a: Vector) => Math.sqrt(dot(a, a))
const zeros = start.map(() => 0)
const total = (vectors: readonly Vector[]) => vectors.reduce<Vector>((all, each) => plus(all, each), zeros)
const meanOf = (vectors: readonly Vector[]) => times(total(vectors), 1 / vectors.length)
const weighted = (members: readonly Member[]) =>
  times(
    total(members.map(({ delta, samples }) => times(delta, samples))),
    1 / sum(members.map(({ samples }) => samples)),
  )

/** Folds a step of the formula over rounds. `step` returns the next weights, and may keep a state. */
function folded(given: readonly (readonly Member[])[], step: (w: Vector, members: readonly Member[]) => Vector) {
  let w: Vector = start
  return given.map((members) => (w = step(w, members)))
}

/** Checks an algorithm against its formula. A sum of quanta and float32 are a little off. */
async function agrees(
  t: { true(is: boolean, message?: string): void },
  algorithm: Algorithm,
  given: readonly (readonly Member[])[],
  step: (w: Vector, members: readonly Member[]) => Vector,
  of: Surroundings = {},
) {
  const [found, expected] = [await weightsAfter(algorithm, given, of), folded(given, step)]
  for (const [index, weights] of expected.entries()) {
    const scale = 1 + Math.max(...weights.map(Math.abs), ...given.flat().flatMap((one) => one.delta.map(Math.abs)))
    const isNear = weights.every(
      (each, i) => Math.abs(each - (found[index]?.[i] ?? Number.NaN)) <= 2e-6 * scale * (index + 1),
    )
    t.true(isNear, `${algorithm.name}, round ${index + 1}: expected ${weights}, found ${found[index]}`)
    if (!isNear) throw new Error(`${algorithm.name} differs from its formula`)
  }
}

const runs = { numRuns: 60 }
const decay = fc.constantFrom(0, 0.5, 0.9)
const rate = fc.constantFrom(0.01, 0.5, 1)

test('FedAvg and FedAvgM are their formulas', (t) =>
  fc.assert(
    fc.asyncProperty(rounds(), decay, rate, async (given, beta, eta) => {
      await agrees(t, fedAvg(), given, (w, members) => plus(w, weighted(members)))
      await agrees(t, fedAvg({ weighting: 'equal' }), given, (w, members) =>
        plus(w, meanOf(members.map((each) => each.delta))),
      )
      let v: Vector = zeros
      await agrees(t, fedAvgM({ serverMomentum: beta, serverLearningRate: eta }), given, (w, members) => {
        v = plus(times(v, beta), weighted(members))
        return plus(w, v, eta)
      })
    }),
    runs,
  ))

test('FedAdaGrad, FedAdam and FedYogi are their formulas, from the first round and without bias correction', (t) =>
  fc.assert(
    fc.asyncProperty(rounds(), decay, decay, fc.constantFrom(0, 1e-6), async (given, beta1, beta2, initial) => {
      const settings = { beta1, beta2, eta: 0.1, tau: 0.125, initialAccumulator: initial }
      for (const [make, accumulated] of [
        [fedAdaGrad, (v: number, d: number) => v + d * d],
        [fedAdam, (v: number, d: number) => beta2 * v + (1 - beta2) * d * d],
        [
          fedYogi,
          (v: number, d: number) => {
            // Where both are nearly equal, the sign is one of roundings.
            fc.pre((v === 0 && d === 0) || Math.abs(v - d * d) > 1e-5 * v)
            return v - (1 - beta2) * d * d * Math.sign(v - d * d)
          },
        ],
      ] as const) {
        let [m, v]: [Vector, Vector] = [zeros, zeros.map(() => initial)]
        await agrees(t, make(settings), given, (w, members) => {
          const mean = weighted(members)
          m = plus(times(m, beta1), mean, 1 - beta1)
          v = v.map((each, i) => accumulated(each, mean[i] ?? 0))
          return w.map((each, i) => each + (0.1 * (m[i] ?? 0)) / (Math.sqrt(v[i] ?? 0) + 0.125))
        })
      }
    }),
    runs,
  ))

test('v of FedYogi stays where it equals Δ̄², whose float32 it is', async (t) => {
  const one = { delta: [0.3, -0.7, 0.1].map(Math.fround), samples: 1, steps: 1, loss: 1 }
  const algorithm = fedYogi({ beta1: 0, beta2: 0, eta: 0.5, tau: 1e-3 })
  const [first = [], second = [], third = []] = await weightsAfter(algorithm, [[one], [one], [one]])
  for (const [i, value] of first.entries()) {
    const step = value - (start[i] ?? 0)
    for (const [before, after] of [
      [first, second],
      [second, third],
    ] as const)
      t.true(Math.abs((after[i] ?? 0) - (before[i] ?? 0) - step) < 1e-6)
  }
})

test('FedDyn and SCAFFOLD are their formulas, with more clients than members', (t) =>
  fc.assert(
    fc.asyncProperty(rounds(), fc.integer({ min: 9, max: 20 }), fc.constantFrom(0, 0.5), async (given, N, alpha) => {
      let h: Vector = zeros
      await agrees(
        t,
        fedDyn({ alpha }),
        given,
        (w, members) => {
          const deltas = members.map((each) => each.delta)
          h = plus(h, total(deltas), -alpha / N)
          return plus(plus(w, meanOf(deltas)), h, alpha === 0 ? 0 : -1 / alpha)
        },
        { population: N },
      )
      // c_k⁺ = c_k − c + (w − y)/(Kη), from the deltas alone.
      const controls = new Map<number, Vector>()
      let c: Vector = zeros
      const eta = 0.5
      await agrees(
        t,
        scaffold({ serverLearningRate: 0.5 }),
        given,
        (w, members) => {
          const changes = members.map(({ delta, steps }, k) => {
            const change = plus(times(delta, -1 / (steps * eta)), c, -1)
            controls.set(k, plus(controls.get(k) ?? zeros, change))
            return change
          })
          c = plus(c, total(changes), 1 / N)
          const moved = plus(w, meanOf(members.map((each) => each.delta)), 0.5)
          const all = times(total([...controls.values()]), 1 / N)
          t.true(c.every((each, i) => Math.abs(each - (all[i] ?? 0)) < 1e-9 * (1 + Math.abs(each))))
          return moved
        },
        { population: N, learningRate: eta },
      )
    }),
    runs,
  ))

test('FedNova is its formula for SGD, for momentum and with a proximal term', (t) =>
  fc.assert(
    fc.asyncProperty(rounds(), fc.constantFrom(0, 0.5, 0.9), fc.constantFrom(0, 0.25), async (given, rho, mu) => {
      const eta = 0.5
      const momentum = mu === 0 ? rho : 0
      const norm = (tau: number) => {
        if (mu > 0) return (1 - (1 - eta * mu) ** tau) / (eta * mu)
        return (tau - (momentum * (1 - momentum ** tau)) / (1 - momentum)) / (1 - momentum)
      }
      const step = (w: Vector, members: readonly Member[]) => {
        const n = sum(members.map(({ samples }) => samples))
        const effective = sum(members.map(({ samples, steps }) => (samples / n) * (mu > 0 ? steps : norm(steps))))
        const moved = total(members.map(({ delta, samples, steps }) => times(delta, samples / n / norm(steps))))
        return plus(w, moved, effective)
      }
      await agrees(t, fedNova({ mu }), given, step, { learningRate: eta, momentum })
    }),
    runs,
  ))

test('q-FedAvg is its formula for any q, also where some losses are 0 or small', (t) =>
  fc.assert(
    fc.asyncProperty(rounds(), fc.constantFrom(0, 0.1, 1, 2, 5), async (given, q) => {
      // Losses are stated in units of those of the round before: all of them at once don't rise from 0.
      const begun = given.map(([first, ...others]) =>
        first ? [{ ...first, loss: Math.max(0.5, first.loss) }, ...others] : [],
      )
      const L = 2
      await agrees(t, qFedAvg({ q }), begun, (w, members) => {
        const losses = members.map(({ loss }) => loss + 1e-10)
        // Of the formula multiplied by a constant, so that no loss underflows.
        const most = Math.max(...losses)
        const factors = losses.map((loss) => (loss / most) ** q)
        const moved = total(members.map(({ delta }, k) => times(delta, factors[k] ?? 0)))
        const h = members.map(
          ({ delta }, k) => ((q * (factors[k] ?? 0)) / (losses[k] ?? 1)) * L * dot(delta, delta) + (factors[k] ?? 0),
        )
        return plus(w, moved, 1 / sum(h))
      })
    }),
    runs,
  ))

test('a round of q-FedAvg with losses near 0 steps as the formula does, once losses are known', async (t) => {
  const one = { delta: [1, 2, -1], samples: 1, steps: 1 }
  const given = [
    [{ ...one, loss: 1e-3 }],
    [
      { ...one, loss: 1e-3 },
      { ...one, delta: [0, 4, 0], loss: 2e-3 },
    ],
  ]
  const [first, second] = await weightsAfter(qFedAvg({ q: 5 }), given)
  const moved = plus(second ?? [], first ?? [], -1)
  // F⁵ Δ and h in units of 10⁻³.
  const h = 5 * 1 * (1 / 1e-3) * 2 * 6 + 1 + 5 * 32 * (1 / 2e-3) * 2 * 16 + 32
  for (const [i, expected] of [1, 2 + 32 * 4, -1].entries())
    t.true(Math.abs((moved[i] ?? 0) - expected / h) < 1e-6, `${moved}`)
})

test('FedBuff and FedAsync step by their formulas', (t) =>
  fc.assert(
    fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 6 }), rate, async (members, eta) => {
      await agrees(t, fedBuff({ bufferSize: members.length, serverLearningRate: eta }), [members], (w) =>
        plus(w, meanOf(members.map(({ delta }) => delta)), eta),
      )
    }),
    runs,
  ))

test('staleness factors are those of the papers', (t) => {
  const factor = (algorithm: Algorithm, tau: number) => {
    if (algorithm.waiting.kind !== 'buffer') throw new TypeError('no buffer')
    return algorithm.waiting.weigh(tau)
  }
  for (let tau = 0; tau < 30; tau++) {
    const near = (found: number, expected: number) => t.true(Math.abs(found - expected) < 1e-14, `${tau}`)
    near(factor(fedBuff(), tau), (1 + tau) ** -0.5)
    near(factor(fedAsync({ alpha: 0.5, staleness: 'polynomial', a: 0.3 }), tau), 0.5 * (tau + 1) ** -0.3)
    near(factor(fedAsync({ alpha: 0.5, staleness: 'constant' }), tau), 0.5)
    near(factor(fedAsync({ alpha: 1, staleness: 'hinge', a: 3, b: 4 }), tau), tau <= 4 ? 1 : 1 / (3 * (tau - 4) + 1))
  }
})

/** Krum's order: members by ascending score, of equal scores the first. `left` counts as in Bulyan. */
function krumOrder(deltas: readonly Vector[], f: number, left = deltas.map((_, k) => k)): number[] {
  const neighbours = Math.max(1, left.length - f - 2)
  const scores = new Map(
    left.map((i) => {
      const distances = left
        .filter((j) => j !== i)
        .map((j) => {
          const apart = plus(deltas[i] ?? [], deltas[j] ?? [], -1)
          return dot(apart, apart)
        })
      return [i, sum(distances.toSorted((a, b) => a - b).slice(0, neighbours))] as const
    }),
  )
  return left.toSorted((a, b) => (scores.get(a) ?? 0) - (scores.get(b) ?? 0) || a - b)
}

const column = (deltas: readonly Vector[], i: number) => deltas.map((each) => each[i] ?? 0).toSorted((a, b) => a - b)
const middle = (sorted: Vector) =>
  ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2

test('Krum, Multi-Krum and Bulyan are their formulas, with the fewest members and more, and with ties', (t) =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 4 }),
      fc.infiniteStream(member),
      async (f, more, all) => {
        const taken = (count: number) => [...all.take(count)]
        const krums = taken(2 * f + 3 + more)
        const deltas = krums.map((each) => each.delta)
        const order = krumOrder(deltas, f)
        await agrees(t, krum({ f }), [krums], (w) => plus(w, deltas[order[0] ?? -1] ?? []))
        for (const q of [1, krums.length - f]) {
          const chosen = order.slice(0, q).map((k) => deltas[k] ?? [])
          await agrees(t, multiKrum({ f, q }), [krums], (w) => plus(w, meanOf(chosen)))
        }
        await agrees(t, multiKrum({ f }), [krums], (w) =>
          plus(w, meanOf(order.slice(0, krums.length - f).map((k) => deltas[k] ?? []))),
        )
        const many = taken(4 * f + 3 + more)
        const each = many.map(({ delta }) => delta)
        let left = each.map((_, k) => k)
        const selection: Vector[] = []
        while (selection.length < many.length - 2 * f) {
          const [best = -1] = krumOrder(each, f, left)
          selection.push(each[best] ?? [])
          left = left.filter((k) => k !== best)
        }
        await agrees(t, bulyan({ f }), [many], (w) =>
          w.map((value, i) => {
            const sorted = column(selection, i)
            const centre = middle(sorted)
            const nearest = sorted.toSorted((a, b) => Math.abs(a - centre) - Math.abs(b - centre) || a - b)
            return value + sum(nearest.slice(0, selection.length - 2 * f)) / (selection.length - 2 * f)
          }),
        )
      },
    ),
    { numRuns: 40 },
  ))

test('median and trimmed mean are their formulas, for even and odd numbers of members and any β', (t) =>
  fc.assert(
    fc.asyncProperty(round(1, 12), fc.constantFrom(0, 0.1, 0.2, 0.25, 0.3, 0.49), async (members, beta) => {
      const deltas = members.map(({ delta }) => delta)
      await agrees(t, median(), [members], (w) => w.map((each, i) => each + middle(column(deltas, i))))
      // ⌊βm⌋ of the decimal β: 0.3·10 is 3.
      const dropped = Math.floor((Math.round(beta * 100) * members.length) / 100)
      await agrees(t, trimmedMean({ beta }), [members], (w) =>
        w.map(
          (each, i) =>
            each + sum(column(deltas, i).slice(dropped, members.length - dropped)) / (members.length - 2 * dropped),
        ),
      )
    }),
    runs,
  ))

test('geometric median, centred and norm clipping, and majorities of signs are their formulas', (t) =>
  fc.assert(
    fc.asyncProperty(rounds(), fc.integer({ min: 1, max: 5 }), async (given, passes) => {
      const nu = 1e-3
      await agrees(t, geometricMedian({ iterations: passes, nu }), given, (w, members) => {
        const n = sum(members.map(({ samples }) => samples))
        let z: Vector = weighted(members)
        for (let pass = 0; pass < passes; pass++) {
          const pulls = members.map(({ delta, samples }) => samples / n / Math.max(nu, length(plus(z, delta, -1))))
          z = times(total(members.map(({ delta }, k) => times(delta, pulls[k] ?? 0))), 1 / sum(pulls))
        }
        return plus(w, z)
      })
      let v: Vector = zeros
      await agrees(t, centredClipping({ rho: 0.75, iterations: passes }), given, (w, members) => {
        for (let pass = 0; pass < passes; pass++) {
          const apart = members.map(({ delta }) => plus(delta, v, -1))
          v = plus(v, meanOf(apart.map((each) => times(each, Math.min(1, 0.75 / (length(each) || 1))))))
        }
        return plus(w, v)
      })
      await agrees(t, normClipping({ norm: 1.5 }), given, (w, members) =>
        plus(
          w,
          weighted(
            members.map((each) => ({
              ...each,
              delta: times(each.delta, Math.min(1, 1.5 / (length(each.delta) || 1))).slice(),
            })),
          ),
        ),
      )
      await agrees(t, signMajority({ serverLearningRate: 0.25 }), given, (w, members) =>
        plus(w, total(members.map(({ delta }) => delta.map(Math.sign))).map(Math.sign), 0.25),
      )
    }),
    runs,
  ))

test('FLTrust is its formula: opposite and zero updates count nothing, and without trust the weights stay', (t) =>
  fc.assert(
    fc.asyncProperty(rounds(), delta, rate, async (given, root, eta) => {
      await agrees(
        t,
        flTrust({ serverLearningRate: eta }),
        given,
        (w, members) => {
          const trust = members.map(({ delta }) => {
            const lengths = length(delta) * length(root)
            return lengths === 0 ? 0 : Math.max(0, dot(delta, root) / lengths)
          })
          if (sum(trust) === 0) return w
          const moved = total(
            members.map(({ delta }, k) => times(delta, ((trust[k] ?? 0) * length(root)) / (length(delta) || 1))),
          )
          return plus(w, moved, eta / sum(trust))
        },
        { root },
      )
    }),
    runs,
  ))

test('an update with a value that is not finite is refused before any rule sees it', async (t) => {
  const good = { delta: [1, 1, 1], samples: 1, steps: 1, loss: 1 }
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
    for (const algorithm of [fedAvg(), median(), krum({ f: 0 }), geometricMedian(), flTrust(), scaffold()])
      await t.throwsAsync(
        weightsAfter(algorithm, [[good, good, { ...good, delta: [1, bad, 1] }]], { root: [1, 1, 1] }),
        {
          code: 'SUM_VALUE',
        },
      )
})
