import { type Aggregate, type Algorithm, layoutOf, randomStream } from '../../sdk/index.ts'
import { joined } from '../../sdk/strategy/round-sum.ts'
import { arrayOf } from '../../sdk/sum/accumulator.ts'
import {
  CaseError,
  type GivenUpdate,
  inputs,
  numberOf,
  requireDistinct,
  requireOnly,
  type VectorCase,
} from './cases.ts'
import { scriptedLearner } from './scripted-learner.ts'
import { clippedDeltas } from './stage-cases.ts'

/** The weights after each round of given updates. */
export async function server(given: VectorCase, algorithm: Algorithm) {
  if ('locals' in given.inputs) return heard(given, algorithm)
  const { weights: start, rounds } = inputs.server.parse(given.inputs)
  const run = serverRun(given, algorithm, start, rounds)
  for (const { updates } of rounds) await run.step(updates)
  return { weights: run.weights, controls: run.controls }
}

/**
 * The delta that each round adds to weights of 0, or to those of the case, and facts in the server's state: the ends
 * that a rule chose, their trust, the objective of each pass.
 */
export async function aggregate(given: VectorCase, algorithm: Algorithm) {
  const parsed = inputs.aggregate.parse(given.inputs)
  const { weights: start, updates = [] } = parsed
  const rounds: NonNullable<typeof parsed.rounds> = parsed.rounds ?? [{ updates }]
  const zeros = (rounds[0]?.updates[0]?.delta ?? []).map(() => 0)
  const deltas: number[][] = []
  const run = serverRun(given, algorithm, start ?? zeros, rounds)
  for (const { updates, root = parsed.root } of rounds) {
    // From 0, since a step from other weights is rounded with them.
    if (!start) run.moveTo(zeros)
    if (algorithm.server.train && !root) throw new CaseError('it has no root, the delta of the server')
    await run.step(updates, undefined, root)
    deltas.push(run.weights.at(-1) ?? [])
  }
  const { chosen, objectives = [], trust } = Object(run.state)
  const [first] = rounds
  const clipped = await clippedDeltas(given, algorithm, first?.updates.map(({ delta }) => delta) ?? [])
  return {
    clipped,
    delta: deltas[0],
    deltas,
    weights: deltas,
    selected: chosen,
    trust,
    objectives,
    objective: objectives.at(-1),
  }
}

/** The mean of each round's clipped deltas, the weights, and the clipping norm after each round. */
export async function privateRounds(given: VectorCase, algorithm: Algorithm) {
  const { weights: start, rounds = [] } = inputs.aggregate.parse(given.inputs)
  const zeros = (rounds[0]?.updates[0]?.delta ?? []).map(() => 0)
  const run = serverRun(given, algorithm, start ?? zeros, rounds)
  const clippingNorms: number[] = []
  for (const { updates } of rounds) {
    if (!start) run.moveTo(zeros)
    await run.step(updates)
    const [stage] = Object(run.state).stages
    clippingNorms.push(Number(stage.norm))
  }
  return { weights: run.weights, means: run.weights, clippingNorms }
}

/** The server's state after the clients' answers, whose numbers are given divided by their samples. */
function heard(given: VectorCase, { server }: Algorithm) {
  const answers = inputs.locals.parse(given.inputs).locals.map(({ end, samples, ...local }) => {
    const numbers = Object.entries(local).map(([name, value]) => [name, samples * Number(value)] as const)
    return { end, samples, numbers: Object.fromEntries(numbers) }
  })
  const state = server.init(layoutOf([{ name: 'w', shape: [1] }]))
  server.hear?.(state, answers)
  return { global: state, bias: server.assign?.(state, 1).scalars?.bias }
}

export interface GivenRound {
  readonly updates: readonly GivenUpdate[]
}

/** Runs the server's part for some rounds, on contributions that the client's part makes of the given updates. */
export function serverRun(
  given: VectorCase,
  { server, client, ...algorithm }: Algorithm,
  start: readonly number[],
  rounds: readonly GivenRound[],
) {
  const layout = layoutOf([{ name: 'w', shape: [start.length] }])
  const weights = Float32Array.from(start)
  const state = server.init(layout)
  const found: { readonly weights: number[][]; readonly controls: number[][] } = { weights: [], controls: [] }
  const population = populationOf(given, rounds)
  const contribution = async (round: number, { end, delta, control, ...update }: GivenUpdate) => {
    if (control === undefined && 'control' in algorithm.aggregation.vectors)
      throw new CaseError(`the update of ${end} has no control`)
    const learner = scriptedLearner(given, layout, Float32Array.from(delta), update)
    const terms = server.assign?.(state, round) ?? {}
    const own = client.init?.(layout)
    const made = await client.train({ end, round, weights, terms }, own, learner, randomStream(1))
    const changed = control === undefined ? {} : { control: Float32Array.from(control) }
    return { ...made.contribution, vectors: { ...made.contribution.vectors, ...changed } }
  }
  const stepBy = (aggregate: Aggregate) => {
    server.step(weights, aggregate, state, randomStream(1))
    found.weights.push([...weights])
    found.controls.push(stateIn(state, 'control'))
  }
  return {
    ...found,
    state,
    layout,
    population,
    contribution,
    stepBy,
    moveTo: (point: readonly number[]) => weights.set(point),
    async step(updates: readonly GivenUpdate[], factor?: (update: GivenUpdate) => number, root?: readonly number[]) {
      const round = found.weights.length + 1
      if (!factor) requireRound(algorithm, updates)
      const all = updates.map(async (update, index) => {
        const made = await contribution(round, update)
        // A buffer may count an end more than once.
        if (!factor) return [update.end, made] as const
        return [`${update.end} ${index}`, { ...made, weight: made.weight * factor(update) }] as const
      })
      const contributions = Object.fromEntries(await Promise.all(all))
      const of = { round, population, root: root && Float32Array.from(root) }
      stepBy(joined(algorithm, layout, contributions, of))
    },
  }
}

/** Throws if a job would not commit a round of these updates. */
function requireRound({ name, waiting }: Pick<Algorithm, 'name' | 'waiting'>, updates: readonly GivenUpdate[]): void {
  if (waiting.kind === 'buffer') throw new CaseError(`${name} has a buffer: its cases are of the kind async`)
  requireDistinct(updates.map(({ end }) => end))
  if (updates.length < waiting.minimumUpdates)
    throw new CaseError(`${updates.length} updates, and ${name} needs ${waiting.minimumUpdates}`)
}

/** Number of the job's clients: the case's setting, or the number of clients with updates in the case. */
function populationOf(given: VectorCase, rounds: readonly GivenRound[]): number {
  const ends = new Set(rounds.flatMap(({ updates }) => updates.map(({ end }) => end)))
  const population = numberOf(given, 'population', ends.size)
  if (Number.isInteger(population) && population >= ends.size) return population
  throw new CaseError(`its setting population is ${population}: expected a whole number from ${ends.size} on`)
}

/** A vector in an algorithm's state; empty where the state has none of the name. */
export function stateIn(state: unknown, name: string): number[] {
  const { [name]: values } = Object(state)
  return values instanceof Float32Array ? [...values] : []
}

/** SCAFFOLD's correction before each training, and the change of the client's control after it. */
export async function corrections(given: VectorCase, { client }: Algorithm) {
  requireOnly(given, 'option', 2)
  const { rounds } = inputs.control.parse(given.inputs)
  const layout = layoutOf([{ name: 'w', shape: [rounds[0]?.weights.length ?? 0] }])
  const found: { termGradients: number[][]; controlDeltas: number[][] } = { termGradients: [], controlDeltas: [] }
  let own = client.init?.(layout)
  for (const [index, { weights, control, trained }] of rounds.entries()) {
    const start = Float32Array.from(weights)
    const learner = scriptedLearner(
      given,
      layout,
      start.map((value, i) => (trained[i] ?? 0) - value),
      {
        steps: numberOf(given, given.settings.k === undefined ? 'localSteps' : 'k'),
        heard: ({ terms }) => found.termGradients.push([...(terms.correction ?? [])]),
      },
    )
    const terms = { vectors: { control: Float32Array.from(control) } }
    const made = await client.train(
      { end: 'trainer-0', round: index + 1, weights: start, terms },
      own,
      learner,
      randomStream(1),
    )
    own = made.own
    found.controlDeltas.push([...(await arrayOf(made.contribution.vectors.control ?? new Float32Array()))])
  }
  return found
}

/** FedNova's ‖a‖₁ after so many steps, and the part in τ_eff, from a client's contribution. */
export async function norm(given: VectorCase, { client }: Algorithm) {
  const { steps } = inputs.norm.parse(given.inputs)
  const layout = layoutOf([{ name: 'w', shape: [1] }])
  const learner = scriptedLearner(given, layout, Float32Array.of(1), { steps })
  const assignment = { end: 'trainer-0', round: 1, weights: new Float32Array(1), terms: {} }
  const { contribution } = await client.train(assignment, client.init?.(layout), learner, randomStream(1))
  const [normalised = Number.NaN] = await arrayOf(contribution.vectors.delta)
  return { norm: 1 / normalised, tau: contribution.scalars?.effective }
}
