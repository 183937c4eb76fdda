import {
  type Algorithm,
  type Examples,
  inlinePool,
  inMemoryExamples,
  randomStream,
  stockRoles,
  type TrainingPool,
  twoTier,
} from '../../sdk/index.ts'
import { layersLearner } from '../../sdk/layers/layers-learner.ts'
import type { Learner } from '../../sdk/learn/learner.ts'
import { arrayOf } from '../../sdk/sum/accumulator.ts'
import { roleStage } from '../../sdk/testing/index.ts'
import { clientLearner } from '../../sdk/training/training-pool.ts'
import { CaseError, type GivenData, inputs, numberOf, requireDistinct, requireOnly, type VectorCase } from './cases.ts'
import { controlOf } from './server-cases.ts'

/** The deltas of one client's trainings, one after another. */
export async function client(given: VectorCase, { client, server }: Algorithm) {
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
      const made = await client.train(assignment, own, clientLearner(pool, 0, 'trainer-0'), randomStream(1))
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

/** Runs a whole job of stock roles, whose selector chooses the participants. */
export async function job(given: VectorCase, algorithm: Algorithm) {
  const { weights, clients, selected } = inputs.job.parse(given.inputs)
  if (algorithm.waiting.kind === 'buffer') throw new CaseError(`${algorithm.name} has a buffer, and selects no rounds`)
  const ends = clients.map(({ end }) => end)
  requireDistinct(ends)
  requireOnly(given, 'population', ends.length)
  const trainers = selected.map((names) => {
    requireDistinct(names)
    const stranger = names.find((name) => !ends.includes(name))
    if (stranger !== undefined) throw new CaseError(`${stranger} is selected, and no client`)
    return names.map((name) => `trainer-${ends.indexOf(name)}`).toSorted()
  })
  const controls: number[][] = []
  let selections = 0
  const strategy: Algorithm = {
    ...algorithm,
    select: { select: () => trainers[selections++] ?? [] },
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

/** The gradient of a term at a point: the engine takes a step from there on a loss whose gradient is 0. */
export async function pull(given: VectorCase, { client }: Algorithm) {
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
    clientLearner(
      { ...pool, train: (request) => pool.train({ ...request, start: point, base: point }) },
      0,
      'trainer-0',
    ),
    randomStream(1),
  )
  await pool.close()
  const gradient = Array.from(await arrayOf(contribution.vectors.delta), (value) => -value)
  const half = gradient.reduce((sum, value, i) => sum + (value * ((at[i] ?? 0) - (weights[i] ?? 0))) / 2, 0)
  return { termGradient: gradient, term: half }
}

/** A pool that trains the dense layer of a case, which begins with these weights, on the data of its clients. */
async function densePool(
  given: VectorCase,
  clients: readonly GivenData[],
  weights: readonly number[],
): Promise<TrainingPool> {
  requireOnly(given, 'model', 'dense')
  requireOnly(given, 'loss', 'softmaxCrossEntropy')
  requireOnly(given, 'option', 2)
  const most = Math.max(1, ...clients.map(({ y }) => y.length))
  // With fewer examples per step, the result would depend on an order that a case doesn't give.
  if (typeof given.settings.batch === 'number' && given.settings.batch < most) requireOnly(given, 'batch', most)
  const [inputSize, units] = [numberOf(given, 'inputs'), numberOf(given, 'outputs')]
  const momentum = numberOf(given, 'momentum', 0)
  const learner = await layersLearner({
    model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ units, inputShape: [inputSize] })] }),
    loss: 'softmaxCrossEntropy',
    learningRate: numberOf(given, 'learningRate'),
    epochs: numberOf(given, 'epochs'),
    batch: most,
    ...(momentum !== 0 && { momentum }),
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
