import fc from 'fast-check'
import type { LocalTerms } from '../../learn/learner.ts'
import type { RoleLearner } from '../../learn/role-learner.ts'
import { randomStream } from '../../random/random-stream.ts'
import { arrayOf } from '../../sum/accumulator.ts'
import { rolePasses } from '../../training/training-pool.ts'
import { layoutOf } from '../../weights/layout.ts'
import type { Algorithm } from '../algorithm.ts'
import { joined } from '../round-sum.ts'

/** Number of weights. */
export const size = 3
export const layout = layoutOf([{ name: 'w', shape: [size] }])

/** A client's delta and weight. */
export interface Given {
  readonly delta: readonly number[]
  readonly weight: number
}

/** Multiples of 1/64, which are exact in float32, as are their sums here. */
const value = fc.integer({ min: -640, max: 640 }).map((count) => count / 64)
export const delta = fc.array(value, { minLength: size, maxLength: size })
const given = fc.record({ delta, weight: fc.integer({ min: 1, max: 60 }) })
/** The updates of a round. */
export const members = (minLength = 1) => fc.array(given, { minLength, maxLength: 9 })

/** Runs the server's part of several rounds. Ends are named by their order. */
export function stepped({ server, ...parts }: Algorithm, rounds: readonly (readonly Given[])[]) {
  const weights = new Float32Array(size).fill(1)
  const state = server.init(layout)
  for (const [index, round] of rounds.entries()) {
    const contributions = Object.fromEntries(
      round.map(({ delta, weight }, member) => [
        `trainer-${member}`,
        { vectors: { delta: Float32Array.from(delta) }, weight, samples: weight, metrics: {} },
      ]),
    )
    const aggregate = joined(parts, layout, contributions, { round: index + 1, population: 9 })
    server.step(weights, aggregate, state, randomStream(1))
  }
  return weights
}

/** The terms with which an algorithm's client trains, and the weight of its contribution. */
export async function trained({ client }: Algorithm) {
  const asked: LocalTerms[] = []
  const update = { delta: Float32Array.of(1, 2, 3), samples: 5, metrics: {} }
  const train: RoleLearner['train'] = async ({ terms }) => {
    asked.push(terms)
    return update
  }
  const learner: RoleLearner = {
    layout,
    initialWeights: async () => new Float32Array(size),
    train,
    trainHeld: train,
    take: arrayOf,
    ids: async () => [],
    ...rolePasses({}, () => ({ client: 0, end: 'trainer-0' })),
    loss: async () => ({ samples: 1, metrics: {} }),
    evaluateClient: async () => ({ samples: 1, metrics: {} }),
    evaluate: async () => ({ samples: 1, metrics: {} }),
  }
  const assignment = { end: 'trainer-0', round: 1, weights: new Float32Array(size), terms: {} }
  const { contribution } = await client.train(assignment, null, learner, randomStream(1))
  return { terms: asked, weight: contribution.weight }
}

/** Checks that all values are at most `tolerance` apart. */
export function near(
  t: { true(value: boolean, message?: string): void },
  a: Float32Array,
  b: Float32Array,
  tolerance: number,
) {
  t.true(
    a.every((one, index) => Math.abs(one - (b[index] ?? Number.NaN)) <= tolerance),
    `${a} and ${b}`,
  )
}
