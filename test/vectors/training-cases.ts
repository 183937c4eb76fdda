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
import { learnerWith, type RoleLearner } from '../../sdk/learn/role-learner.ts'
import { arrayOf } from '../../sdk/sum/accumulator.ts'
import { roleStage } from '../../sdk/testing/index.ts'
import { clientLearner } from '../../sdk/training/training-pool.ts'
import { CaseError, type GivenData, inputs, numberOf, requireDistinct, requireOnly, type VectorCase } from './cases.ts'
import { scriptedLearner } from './scripted-learner.ts'
import { stateIn } from './server-cases.ts'

/** The deltas of one client's trainings, one after another. */
export async function client(given: VectorCase, { client, server }: Algorithm) {
  const { weights: start = [], rounds, data, head = [], previous } = inputs.client.parse(given.inputs)
  const all = rounds ?? [{ weights: [...start, ...head] }]
  const pool = await densePool(given, [data], all[0]?.weights ?? [])
  try {
    let own = client.init?.(pool.layout)
    if (head.length > 0) own = { personal: Float32Array.from(head) }
    if (previous) own = { previous: Float32Array.from(previous) }
    const personal: number[][] = []
    const deltas: number[][] = []
    const controlDeltas: number[][] = []
    const gradients: number[][] = []
    for (const [index, { weights, control }] of all.entries()) {
      const state = server.init(pool.layout)
      const shared = control === undefined ? {} : { vectors: { control: Float32Array.from(control) } }
      const terms = { ...server.assign?.(state, index + 1), ...shared }
      const assignment = { end: 'trainer-0', round: index + 1, weights: Float32Array.from(weights), terms }
      const made = await client.train(assignment, own, clientLearner(pool, 0, 'trainer-0'), randomStream(1))
      own = made.own
      gradients.push(stateIn(own, 'gradient'))
      personal.push(stateIn(own, 'personal'))
      deltas.push([...(await arrayOf(made.contribution.vectors.delta))])
      const change = made.contribution.vectors.control
      if (change) controlDeltas.push([...(await arrayOf(change))])
    }
    return {
      delta: deltas[0],
      deltas,
      controlDeltas,
      gradients,
      personal: rounds ? personal : personal[0],
      head: personal[0],
      ...('losses' in given.expected && {
        losses: await lossesByStep(given, pool, (learner) => {
          const own = { previous: Float32Array.from(previous ?? []) }
          const assignment = { end: 'trainer-0', round: 1, weights: Float32Array.from(start), terms: {} }
          return client.train(assignment, own, learner, randomStream(1))
        }),
      }),
    }
  } finally {
    await pool.close()
  }
}

/** The loss with the contrastive term, and the term without its weight, before each step: from trainings of 1, 2, … steps. */
async function lossesByStep(
  given: VectorCase,
  pool: TrainingPool,
  train: (learner: RoleLearner) => ReturnType<Algorithm['client']['train']>,
): Promise<number[][]> {
  const losses: number[][] = []
  let before = { loss: 0, contrastive: 0 }
  for (let steps = 1; steps <= numberOf(given, 'epochs'); steps++) {
    const learner = clientLearner(
      { ...pool, train: (request) => pool.train({ ...request, work: { steps } }) },
      0,
      'trainer-0',
    )
    const { loss = Number.NaN, contrastive = Number.NaN } = (await train(learner)).contribution.metrics
    const sums = { loss: steps * loss, contrastive: steps * contrastive }
    const term = sums.contrastive - before.contrastive
    losses.push([sums.loss - before.loss + numberOf(given, 'mu') * term, term])
    before = sums
  }
  return losses
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
        controls.push(stateIn(step[2], 'control'))
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

/** The gradient of a term at a point, and the term's value for a pull to the weights. */
export async function pull(given: VectorCase, { client }: Algorithm) {
  const { weights, at } = inputs.pull.parse(given.inputs)
  const { learner, close } = await termLearner(weights.length)
  const gradient = await gradientAt(client, client.init?.(learner.layout), { weights, at }, learner)
  await close()
  const half = gradient.reduce((sum, value, i) => sum + (value * ((at[i] ?? 0) - (weights[i] ?? 0))) / 2, 0)
  return { termGradient: gradient, term: half }
}

/** The gradient of a term in several rounds, each of whose trainings ends at the point of the round. */
export async function pulls(given: VectorCase, { client }: Algorithm) {
  const { rounds } = inputs.pulls.parse(given.inputs)
  const { learner, close } = await termLearner(rounds[0]?.at.length ?? 0)
  let own = client.init?.(learner.layout)
  const termGradients: number[][] = []
  for (const [index, { weights, at }] of rounds.entries()) {
    termGradients.push(await gradientAt(client, own, { weights, at }, learner))
    const moved = Float32Array.from(at, (value, i) => value - (weights[i] ?? 0))
    const assignment = { end: 'trainer-0', round: index + 1, weights: Float32Array.from(weights), terms: {} }
    const scripted = scriptedLearner(given, learner.layout, moved, {})
    own = (await client.train(assignment, own, scripted, randomStream(1))).own
  }
  await close()
  return { termGradients }
}

/**
 * The term over groups of a batch, whose logits are the weights of a layer that takes each example's number: the sums of
 * the batch, and the term's gradient with respect to the logits, from a step with the term and one without it.
 */
export async function groups(given: VectorCase, { client, server }: Algorithm) {
  const { logits, labels, groups, global } = inputs.groups.parse(given.inputs)
  const count = labels.length
  const learner = await layersLearner({
    model: ({ layers, sequential }) =>
      sequential({ layers: [layers.dense({ units: 2, useBias: false, inputShape: [count] })] }),
    loss: 'softmaxCrossEntropy',
    learningRate: 1,
    epochs: 1,
    batch: count,
  })
  const features = Float32Array.from({ length: count * count }, (_, i) => Number(i % (count + 1) === 0))
  const columns = { group: groups }
  const pool = await poolOf(learner, [inMemoryExamples({ features, labels, shape: [count], columns })])
  const weights = Float32Array.from(logits.flat())
  let term = 0
  const own = clientLearner(
    {
      ...pool,
      train(request) {
        for (const [index, group] of groups.entries()) {
          const factor = request.terms.groups?.factors[group === 0 ? 0 : 1][labels[index] === 0 ? 0 : 1] ?? 0
          const [zero = 0, one = 0] = logits[index] ?? []
          term += factor / (1 + Math.exp(zero - one)) / count
        }
        return pool.train(request)
      },
    },
    0,
    'trainer-0',
  )
  const terms = server.assign?.(global, 1) ?? {}
  const assignment = { end: 'trainer-0', round: 1, weights, terms }
  const answer = await client.answer?.(assignment, own)
  const { delta: plain } = await own.train({ round: 1, weights, terms: {} })
  const { contribution } = await client.train(assignment, client.init?.(pool.layout), own, randomStream(1))
  const termed = await arrayOf(contribution.vectors.delta)
  await pool.close()
  const gradient = Array.from(termed, (value, i) => (plain[i] ?? 0) - value)
  const termGradient = logits.map((_, row) => gradient.slice(2 * row, 2 * row + 2))
  return { sums: answer?.numbers, bias: terms.scalars?.bias, term, termGradient }
}

/** A learner that takes one step of size 1 on a loss whose gradient is 0. */
async function termLearner(size: number) {
  const steps = { learningRate: 1, epochs: 1, batch: 1, loss: 'meanSquaredError' } as const
  const learner = await layersLearner({
    ...steps,
    model: ({ layers, sequential }) =>
      sequential({ layers: [layers.dense({ units: 1, useBias: false, inputShape: [size] })] }),
  })
  const pool = await poolOf(learner, [
    inMemoryExamples({ features: new Float32Array(size), labels: [0], shape: [size] }),
  ])
  return { learner: clientLearner(pool, 0, 'trainer-0'), close: () => pool.close() }
}

/** The gradient of a client's terms at a point: the step that the client takes from there. */
async function gradientAt(
  client: Algorithm['client'],
  own: unknown,
  { weights, at }: { readonly weights: readonly number[]; readonly at: readonly number[] },
  learner: RoleLearner,
): Promise<number[]> {
  const point = Float32Array.from(at)
  const train: RoleLearner['train'] = (request) => learner.train({ ...request, start: point, base: point })
  const assignment = { end: 'trainer-0', round: 1, weights: Float32Array.from(weights), terms: {} }
  const fromPoint = learnerWith(learner, { train, trainHeld: train })
  const { contribution } = await client.train(assignment, own, fromPoint, randomStream(1))
  return Array.from(await arrayOf(contribution.vectors.delta), (value) => -value)
}

/** A pool that trains the dense layers of a case, which begin with these weights, on the data of its clients. */
export async function densePool(
  given: VectorCase,
  clients: readonly GivenData[],
  weights: readonly number[],
): Promise<TrainingPool> {
  const { model = 'dense' } = given.settings
  if (!(model === 'dense' || (typeof model === 'string' && /^dense tanh \([^)]*\), dense( \([^)]*\))?$/.test(model))))
    throw new CaseError(
      `its model is ${JSON.stringify(model)}: only dense layers, one or two with a tanh between, can be run`,
    )
  requireOnly(given, 'loss', 'softmaxCrossEntropy')
  const most = Math.max(1, ...clients.map(({ y }) => y.length))
  // With fewer examples per step, the result would depend on an order that a case doesn't give.
  if (typeof given.settings.batch === 'number' && given.settings.batch < most) requireOnly(given, 'batch', most)
  const [inputSize, units] = [numberOf(given, 'inputs'), numberOf(given, 'outputs')]
  const [momentum, weightDecay] = [numberOf(given, 'momentum', 0), numberOf(given, 'weightDecay', 0)]
  const learner = await layersLearner({
    model: ({ layers: { dense }, sequential }) =>
      sequential({
        layers:
          model === 'dense'
            ? [dense({ units, inputShape: [inputSize] })]
            : [
                dense({ units: numberOf(given, 'hidden'), activation: 'tanh', inputShape: [inputSize] }),
                dense({ units }),
              ],
      }),
    loss: 'softmaxCrossEntropy',
    learningRate: numberOf(given, 'learningRate'),
    epochs: numberOf(given, 'epochs', 1),
    batch: most,
    ...(momentum !== 0 && { momentum }),
    ...(weightDecay !== 0 && { weightDecay }),
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
