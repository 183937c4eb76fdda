import { type Algorithm, layoutOf, type RandomStream, randomStream } from '../../sdk/index.ts'
import { arrayOf } from '../../sdk/sum/accumulator.ts'
import { inputs, type VectorCase } from './cases.ts'
import { scriptedLearner } from './scripted-learner.ts'

/** A client that trains deltas one after another, and keeps its state. */
function clientRun(given: VectorCase, { client, server }: Algorithm, size: number) {
  const layout = layoutOf([{ name: 'w', shape: [size] }])
  let own = client.init?.(layout)
  const state = server.init(layout)
  let round = 0
  return {
    async sent(delta: readonly number[], random: RandomStream = randomStream(1)) {
      round += 1
      const terms = server.assign?.(state, round) ?? {}
      const assignment = { end: 'trainer-0', round, weights: new Float32Array(size), terms }
      const learner = scriptedLearner(given, layout, Float32Array.from(delta), {})
      const made = await client.train(assignment, own, learner, random, randomStream(2))
      own = made.own
      return [...(await arrayOf(made.contribution.vectors.delta))]
    },
    /** The part that the client's first stage keeps for later rounds. */
    error(): number[] {
      const [kept] = Object(own).stages ?? []
      return [...(Object(kept).error ?? [])]
    },
  }
}

/** What arrives of a client's deltas, and what the client keeps for later rounds. */
export async function compress(given: VectorCase, algorithm: Algorithm) {
  const { delta, uniform, rounds = [{ delta: delta ?? [] }] } = inputs.compress.parse(given.inputs)
  const client = clientRun(given, algorithm, rounds[0]?.delta.length ?? 0)
  const decoded: number[][] = []
  const errors: number[][] = []
  for (const round of rounds) {
    decoded.push(await client.sent(round.delta, uniform && drawing(uniform)))
    errors.push(client.error())
  }
  if (!delta) return { decoded, errors }
  const [values = []] = decoded
  const norm = Math.max(...delta.map(Math.abs))
  return {
    decoded: values,
    indices: [...values.keys()].filter((index) => values[index] !== 0),
    norm,
    levels: values.map((value) => Math.round((Number(given.settings.levels) * Math.abs(value)) / norm)),
    signs: delta.map(Math.sign),
  }
}

/** A stream whose uniform draws are given. */
function drawing(uniform: readonly number[]): RandomStream {
  const draws = uniform.values()
  return { ...randomStream(1), uniform: () => draws.next().value ?? Number.NaN }
}

/** What leaves a client for a delta. */
export async function clientDelta(given: VectorCase, algorithm: Algorithm) {
  const { delta } = inputs.delta.parse(given.inputs)
  return { delta: await clientRun(given, algorithm, delta.length).sent(delta) }
}

/** What leaves each client of a round. */
export async function clippedDeltas(given: VectorCase, algorithm: Algorithm, deltas: readonly (readonly number[])[]) {
  return Promise.all(deltas.map((delta) => clientRun(given, algorithm, delta.length).sent(delta)))
}
