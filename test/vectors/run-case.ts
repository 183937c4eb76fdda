import { z } from 'zod'
import { CodedError } from '../../runtime/index.ts'
import {
  type Algorithm,
  algorithms,
  type Examples,
  inlinePool,
  inMemoryExamples,
  type Layout,
  layoutOf,
  randomStream,
  stockRoles,
  type TrainingPool,
  twoTier,
} from '../../sdk/index.ts'
import { layersLearner } from '../../sdk/layers/layers-learner.ts'
import type { Learner } from '../../sdk/learn/learner.ts'
import type { RoleLearner } from '../../sdk/learn/role-learner.ts'
import type { KnownAlgorithm } from '../../sdk/strategy/define-algorithm.ts'
import { joined } from '../../sdk/strategy/round-sum.ts'
import { arrayOf, weightIn } from '../../sdk/sum/accumulator.ts'
import { roleStage } from '../../sdk/testing/index.ts'
import { rolePasses } from '../../sdk/training/training-pool.ts'
import { type GivenData, type GivenUpdate, inputs, type VectorCase } from './cases.ts'

/** What came of a case. */
export type Outcome = { readonly result: 'passed' } | { readonly result: 'failed' | 'unknown'; readonly why: string }

/** Settings of the learner and of the case itself, beside those of the algorithm. */
const surroundings = [
  ...['model', 'inputs', 'outputs', 'loss', 'layout', 'batch'],
  ...['learningRate', 'epochs', 'momentum', 'population', 'option', 'localSteps'],
]

type Runner = (given: VectorCase, algorithm: Algorithm) => Promise<Record<string, unknown>>

const runners: Readonly<Record<string, Runner>> = { server, async: buffered, aggregate, client, job, term }

/** Runs a case through the parts that a job's roles call, and compares with what is expected. */
export async function runCase(given: VectorCase): Promise<Outcome> {
  const definition = algorithms.find(({ name }) => name === given.algorithm)
  if (!definition) return { result: 'unknown', why: `there is no algorithm ${given.algorithm}` }
  const runner = Object.hasOwn(runners, given.kind) ? runners[given.kind] : undefined
  if (!runner) return { result: 'unknown', why: `nothing runs cases of the kind ${given.kind}` }
  try {
    const found = await runner(given, definition.from(settingsFor(definition, given)))
    const difference = Object.entries(given.expected)
      .map(([name, expected]) => differenceOf(name, expected, found[name], given))
      .find((each) => each !== undefined)
    return difference === undefined ? { result: 'passed' } : { result: 'failed', why: difference }
  } catch (cause) {
    if (cause instanceof z.ZodError) return { result: 'failed', why: `its inputs are malformed: ${shortly(cause)}` }
    if (!(cause instanceof CodedError || cause instanceof CaseError)) throw cause
    return { result: 'failed', why: cause.message }
  }
}

class CaseError extends Error {}

function shortly({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
}

/** The case's settings of the algorithm; another that isn't of the surroundings is the algorithm's to refuse. */
function settingsFor({ settings: table }: KnownAlgorithm, { settings }: VectorCase): Record<string, unknown> {
  const isOwn = (name: string) => Object.hasOwn(table, name) || Object.values(table).some(({ kwarg }) => kwarg === name)
  return Object.fromEntries(Object.entries(settings).filter(([name]) => isOwn(name) || !surroundings.includes(name)))
}

function numberOf({ settings }: VectorCase, name: string, otherwise?: number): number {
  const value = settings[name] ?? otherwise
  if (typeof value === 'number') return value
  throw new CaseError(`its setting ${name} is ${JSON.stringify(value)}: expected a number`)
}

async function server(given: VectorCase, algorithm: Algorithm) {
  const { weights: start, rounds } = inputs.server.parse(given.inputs)
  const run = serverRun(given, algorithm, start)
  for (const { updates } of rounds) await run.step(updates, () => 1)
  return { weights: run.weights, controls: run.controls }
}

async function buffered(given: VectorCase, algorithm: Algorithm) {
  const { weights: start, rounds } = inputs.async.parse(given.inputs)
  const { waiting, aggregation } = algorithm
  if (waiting.kind !== 'buffer') throw new CaseError(`${algorithm.name} has no buffer`)
  const run = serverRun(given, algorithm, start)
  for (const { version, updates } of rounds) {
    if (updates.length !== waiting.size) throw new CaseError(`${updates.length} updates, and K is ${waiting.size}`)
    await run.step(updates, (update) =>
      weightIn(waiting.weigh(version - (update.version ?? version)), aggregation.weightBits ?? 0),
    )
  }
  return { weights: run.weights }
}

async function aggregate(given: VectorCase, algorithm: Algorithm) {
  const { updates } = inputs.aggregate.parse(given.inputs)
  const run = serverRun(
    given,
    algorithm,
    (updates[0]?.delta ?? []).map(() => 0),
  )
  await run.step(updates, () => 1)
  const [delta = []] = run.weights
  const selected = updates
    .filter((update) => update.delta.every((value, i) => value === delta[i]))
    .map(({ end }) => end)
  return { delta, selected: selected.slice(0, 1) }
}

/** The server's part over some rounds, on contributions that the client's part makes of the given updates. */
function serverRun(given: VectorCase, { server, client, ...algorithm }: Algorithm, start: readonly number[]) {
  const layout = layoutOf([{ name: 'w', shape: [start.length] }])
  const weights = Float32Array.from(start)
  const state = server.init(layout)
  const found: { readonly weights: number[][]; readonly controls: number[][] } = { weights: [], controls: [] }
  const contribution = async (round: number, { delta, samples, control }: GivenUpdate) => {
    const learner = scriptedLearner(layout, Float32Array.from(delta), { samples })
    const terms = server.assign?.(state, round) ?? {}
    const own = client.init?.(layout)
    const made = await client.train({ round, weights, terms }, own, learner, randomStream(1))
    const changed = control === undefined ? {} : { control: Float32Array.from(control) }
    return { ...made.contribution, vectors: { ...made.contribution.vectors, ...changed } }
  }
  return {
    ...found,
    async step(updates: readonly GivenUpdate[], factor: (update: GivenUpdate) => number) {
      const round = found.weights.length + 1
      const all = updates.map(async (update) => {
        const made = await contribution(round, update)
        return [update.end, { ...made, weight: made.weight * factor(update) }] as const
      })
      const contributions = Object.fromEntries(await Promise.all(all))
      const population = numberOf(given, 'population', updates.length)
      server.step(weights, joined(algorithm, layout, contributions, { round, population }), state, randomStream(1))
      found.weights.push([...weights])
      found.controls.push(controlOf(state))
    },
  }
}

function controlOf(state: unknown): number[] {
  const { control } = Object(state)
  return control instanceof Float32Array ? [...control] : []
}

/** A learner whose every training gives the same delta. */
function scriptedLearner(
  layout: Layout,
  delta: Float32Array,
  {
    samples = 1,
    steps = 1,
    rate = 1,
    heard = () => {},
  }: {
    readonly samples?: number
    readonly steps?: number
    readonly rate?: number
    readonly heard?: (request: Parameters<RoleLearner['train']>[0]) => void
  },
): RoleLearner {
  const train: RoleLearner['train'] = async (request) => {
    heard(request)
    return { delta, samples, steps, metrics: {} }
  }
  const evaluation = async () => ({ samples: 1, metrics: {} })
  return {
    layout,
    plainLearningRate: rate,
    initialWeights: async () => new Float32Array(layout.size),
    train,
    trainHeld: train,
    take: arrayOf,
    ...rolePasses(undefined, () => ({ end: 'trainer-0' })),
    loss: evaluation,
    evaluateClient: evaluation,
    evaluate: evaluation,
  }
}

async function client(given: VectorCase, { client, server }: Algorithm) {
  const { weights: start, rounds = [{ weights: start ?? [] }], data } = inputs.client.parse(given.inputs)
  const pool = await densePool(given, [data], rounds[0]?.weights ?? [])
  try {
    let own = client.init?.(pool.layout)
    const deltas: number[][] = []
    const controlDeltas: number[][] = []
    for (const [index, { weights, control }] of rounds.entries()) {
      const state = server.init(pool.layout)
      const shared = control === undefined ? {} : { vectors: { control: Float32Array.from(control) } }
      const terms = { ...server.assign?.(state, index + 1), ...shared }
      const assignment = { round: index + 1, weights: Float32Array.from(weights), terms }
      const made = await client.train(assignment, own, pooledLearner(pool), randomStream(1))
      own = made.own
      deltas.push([...(await arrayOf(made.contribution.vectors.delta))])
      const change = made.contribution.vectors.control
      if (change) controlDeltas.push([...(await arrayOf(change))])
    }
    return { delta: deltas[0], deltas, controlDeltas }
  } finally {
    await pool.close()
  }
}

/** Runs a whole job of stock roles, whose selector says who takes part. */
async function job(given: VectorCase, algorithm: Algorithm) {
  const { weights, clients, selected } = inputs.job.parse(given.inputs)
  const controls: number[][] = []
  let selections = 0
  const strategy: Algorithm = {
    ...algorithm,
    select: { select: () => selected[selections++] ?? [] },
    server: {
      ...algorithm.server,
      step(...step) {
        algorithm.server.step(...step)
        controls.push(controlOf(step[2]))
      },
    },
  }
  const pool = await densePool(given, clients, weights)
  await using stage = roleStage({
    topology: twoTier({ clients: clients.length }),
    roles: stockRoles,
    strategy,
    pool,
    rounds: selected.length,
  })
  const ended = await stage.ended('top-aggregator-0')
  await pool.close()
  if (ended.type === 'task-failed') throw new CaseError(`the job failed: ${String(ended.cause)}`)
  return { weights: stage.published.map((record) => [...record.weights]), controls }
}

async function term(given: VectorCase, algorithm: Algorithm) {
  return 'at' in given.inputs ? pull(given, algorithm) : corrections(given, algorithm)
}

/** What a term adds to the gradient at a point: the engine steps from there on a loss whose gradient is 0. */
async function pull(given: VectorCase, { client }: Algorithm) {
  const { weights, at } = inputs.pull.parse(given.inputs)
  const size = weights.length
  const steps = { learningRate: 1, epochs: 1, batch: 1, loss: 'meanSquaredError' } as const
  const learner = await layersLearner({
    ...steps,
    model: ({ layers, sequential }) =>
      sequential({ layers: [layers.dense({ units: 1, useBias: false, inputShape: [size] })] }),
  })
  const pool = await poolOf(learner, [
    inMemoryExamples({ features: new Float32Array(size), labels: [0], shape: [size] }),
  ])
  const point = Float32Array.from(at)
  const { contribution } = await client.train(
    { round: 1, weights: Float32Array.from(weights), terms: {} },
    client.init?.(pool.layout),
    pooledLearner(pool, { start: point, base: point }),
    randomStream(1),
  )
  await pool.close()
  const gradient = Array.from(await arrayOf(contribution.vectors.delta), (value) => -value)
  const half = gradient.reduce((sum, value, i) => sum + (value * ((at[i] ?? 0) - (weights[i] ?? 0))) / 2, 0)
  return { termGradient: gradient, term: half }
}

/** SCAFFOLD's correction before each training, and the change of the client's control after it. */
async function corrections(given: VectorCase, { client }: Algorithm) {
  const { rounds } = inputs.control.parse(given.inputs)
  const layout = layoutOf([{ name: 'w', shape: [rounds[0]?.weights.length ?? 0] }])
  const found: { termGradients: number[][]; controlDeltas: number[][] } = { termGradients: [], controlDeltas: [] }
  let own = client.init?.(layout)
  for (const [index, { weights, control, trained }] of rounds.entries()) {
    const start = Float32Array.from(weights)
    const learner = scriptedLearner(
      layout,
      start.map((value, i) => (trained[i] ?? 0) - value),
      {
        steps: numberOf(given, 'localSteps'),
        rate: numberOf(given, 'learningRate'),
        heard: ({ terms }) => found.termGradients.push([...(terms.correction ?? [])]),
      },
    )
    const terms = { vectors: { control: Float32Array.from(control) } }
    const made = await client.train({ round: index + 1, weights: start, terms }, own, learner, randomStream(1))
    own = made.own
    found.controlDeltas.push([...(await arrayOf(made.contribution.vectors.control ?? new Float32Array()))])
  }
  return found
}

/** A pool that trains the dense layer of a case, which begins with these weights, on the data of its clients. */
async function densePool(
  given: VectorCase,
  clients: readonly GivenData[],
  weights: readonly number[],
): Promise<TrainingPool> {
  const [inputSize, units] = [numberOf(given, 'inputs'), numberOf(given, 'outputs')]
  const momentum = numberOf(given, 'momentum', 0)
  const learner = await layersLearner({
    model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ units, inputShape: [inputSize] })] }),
    loss: 'softmaxCrossEntropy',
    learningRate: numberOf(given, 'learningRate'),
    epochs: numberOf(given, 'epochs'),
    batch: Math.max(...clients.map(({ y }) => y.length)),
    ...(momentum > 0 && { momentum }),
  })
  const examples = clients.map(({ x, y }) =>
    inMemoryExamples({ features: Float32Array.from(x.flat()), labels: y, shape: [inputSize] }),
  )
  return poolOf({ ...learner, initialWeights: async () => Float32Array.from(weights) }, examples)
}

function poolOf(learner: Learner, examples: readonly Examples[]): Promise<TrainingPool> {
  const [first] = examples
  if (!first) throw new CaseError('it has no clients')
  const data = { clients: examples.length, client: (index: number) => examples[index] ?? first, test: first }
  return inlinePool({ learner: () => learner, data: () => data }, { rounds: 1, clients: examples.length }, 1)
}

/** A pool's first client, as a role sees it. */
function pooledLearner(
  pool: TrainingPool,
  choices: { readonly start?: Float32Array; readonly base?: Float32Array } = {},
): RoleLearner {
  const train: RoleLearner['train'] = (request) => pool.train({ ...request, ...choices, client: 0, end: 'trainer-0' })
  return {
    layout: pool.layout,
    plainLearningRate: pool.plainLearningRate,
    initialWeights: () => pool.initialWeights(),
    train,
    trainHeld: train,
    take: arrayOf,
    ...rolePasses(pool.pass, () => ({ client: 0, end: 'trainer-0' })),
    loss: (weights, options) => pool.evaluateClient({ ...options, weights, client: 0, on: 'training' }),
    evaluateClient: (weights) => pool.evaluateClient({ weights, client: 0, on: 'held-out' }),
    evaluate: (weights) => pool.evaluate(weights),
  }
}

/** Where a value differs from the expected one by more than the case's tolerance; undefined if nowhere. */
function differenceOf(place: string, expected: unknown, found: unknown, given: VectorCase): string | undefined {
  if (Array.isArray(expected)) {
    const list: readonly unknown[] = expected
    if (!Array.isArray(found) || found.length !== list.length)
      return `${place}: expected ${list.length} values, found ${Array.isArray(found) ? found.length : 'none'}`
    return list
      .map((each, i) => differenceOf(`${place}.${i}`, each, found[i], given))
      .find((each) => each !== undefined)
  }
  const { tolerance, relative = false } = given
  const isNear =
    typeof expected === 'number' && typeof found === 'number'
      ? Math.abs(expected - found) <= tolerance * (relative ? Math.abs(expected) : 1)
      : expected === found
  return isNear ? undefined : `${place}: expected ${String(expected)}, found ${String(found)}`
}
