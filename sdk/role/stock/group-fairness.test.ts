import test from 'ava'
import { memoryStore, type Store } from '../../../runtime/index.ts'
import { inMemoryExamples, subset } from '../../data/in-memory-examples.ts'
import { layersLearner } from '../../layers/layers-learner.ts'
import { learnError } from '../../learn/errors.ts'
import type { GroupTerm } from '../../learn/learner.ts'
import { randomStream } from '../../random/random-stream.ts'
import type { Algorithm } from '../../strategy/algorithm.ts'
import { fedGft } from '../../strategy/algorithms/fair/index.ts'
import { fedAvg } from '../../strategy/algorithms/server/index.ts'
import { hierarchical } from '../../tag/topologies.ts'
import type { StageOptions } from '../../testing/index.ts'
import { inlinePool } from '../../training/inline-pool.ts'
import { clientLearner, type TrainingPool } from '../../training/training-pool.ts'
import { endingAt, run } from './quadratic-job.contract.ts'

const [clients, count] = [4, 80]
const draw = randomStream(3, 'people')
const groups = Array.from({ length: count }, () => draw.below(2))
/** The second feature tells the group, of whose examples more in group 1 are of class 1. */
const labels = groups.map((group) => Number(draw.uniform() < (group === 1 ? 0.8 : 0.3)))
const features = Float32Array.from(
  groups.flatMap((group, i) => [(labels[i] ?? 0) + draw.uniform() - 0.5, group + 0.2 * draw.uniform()]),
)
const people = inMemoryExamples({ features, labels, shape: [2], columns: { group: groups } })

/** A pool of a logistic regression. `clientOf` says whose an example is. */
function people4(clientOf: (index: number) => number = (index) => index % clients): Promise<TrainingPool> {
  const own = (client: number) =>
    subset(
      people,
      Uint32Array.from(groups.keys()).filter((index) => clientOf(index) === client),
    )
  const learner = () =>
    layersLearner({
      model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ units: 1, inputShape: [2] })] }),
      loss: 'sigmoidCrossEntropy',
      learningRate: 0.5,
      epochs: 2,
      batch: 10,
    })
  const data = { clients, client: own, test: people }
  return inlinePool({ learner, data: () => data }, { rounds: 1, clients }, 1)
}

const fairJob = async (strategy: Algorithm, options: Partial<StageOptions> = {}) =>
  run({ strategy, pool: await people4(), ...options })

/** V of statistical parity with these weights. */
function parity([first = 0, second = 0, bias = 0]: ArrayLike<number> & Iterable<number>): number {
  const sums = [
    { p: 0, n: 0 },
    { p: 0, n: 0 },
  ]
  for (const [i, group] of groups.entries()) {
    const sum = sums[group]
    if (!sum) continue
    sum.n += 1
    sum.p += 1 / (1 + Math.exp(-(first * (features[2 * i] ?? 0) + second * (features[2 * i + 1] ?? 0) + bias)))
  }
  return (sums[0]?.p ?? 0) / (sums[0]?.n ?? 1) - (sums[1]?.p ?? 0) / (sums[1]?.n ?? 1)
}

test('FedGFT with γ = 0 is FedAvg, bit for bit', async (t) => {
  t.deepEqual((await fairJob(fedGft({ gamma: 0 }))).weights, (await fairJob(fedAvg())).weights)
})

test('the greater γ is, the smaller is the bias of the weights, which each round tells', async (t) => {
  const biases: number[] = []
  for (const gamma of [0, 2, 20]) {
    const { weights, published } = await fairJob(fedGft({ gamma }), { rounds: 12 })
    biases.push(Math.abs(parity(weights.at(-1) ?? [])))
    const told = published.at(-1)?.metrics['train-bias'] ?? Number.NaN
    t.true(Math.abs(told - parity(weights.at(-2) ?? [])) < 1e-4)
  }
  t.deepEqual(
    biases,
    biases.toSorted((a, b) => b - a),
  )
  t.true((biases[2] ?? 1) < 0.4 * (biases[0] ?? 0), String(biases))
  const { weights } = await fairJob(fedGft({ gamma: 'auto', reg: 'id' }), { rounds: 12 })
  t.true(Math.abs(parity(weights.at(-1) ?? [])) < (biases[0] ?? 0))
})

test('the bias does not depend on how the examples are spread over clients', async (t) => {
  const weights = Float32Array.of(0.5, 1, -0.25)
  const { client, server } = fedGft()
  const found: number[] = []
  for (const clientOf of [undefined, (index: number) => (index < 10 ? 1 : 2), () => 3]) {
    const pool = await people4(clientOf)
    const state = server.init(pool.layout)
    const answers = []
    for (let k = 0; k < clients; k++) {
      if (clientOf && !groups.some((_, index) => clientOf(index) === k)) continue
      const end = `trainer-${k}`
      const answer = await client.answer?.({ end, round: 1, weights, terms: {} }, clientLearner(pool, k, end))
      if (answer) answers.push({ end, ...answer })
    }
    server.hear?.(state, answers)
    found.push(server.assign?.(state, 1).scalars?.bias ?? Number.NaN)
    await pool.close()
  }
  for (const bias of found) t.true(Math.abs(bias - parity(weights)) < 1e-6, String(found))
})

for (const fair of ['SP', 'EOP', 'CAL'] as const) {
  test(`${fair}: the factor of an example is the derivative of the bias by its probability`, async (t) => {
    const { client, server } = fedGft({ fair, gamma: 1, reg: 'id' })
    const pool = await people4(() => 0)
    const found: GroupTerm['factors'][] = []
    const learner = clientLearner(
      {
        ...pool,
        async train({ terms, weights }) {
          if (terms.groups) found.push(terms.groups.factors)
          return { delta: weights, samples: 1, metrics: {} }
        },
      },
      0,
      'trainer-0',
    )
    const weights = Float32Array.of(0.5, 1, -0.25)
    const assignment = { end: 'trainer-0', round: 1, weights, terms: {} }
    const answer = await client.answer?.(assignment, learner)
    if (!answer) return t.fail()
    const { numbers } = answer
    const state = server.init(pool.layout)
    server.hear?.(state, [{ end: 'trainer-0', ...answer }])
    const terms = server.assign?.(state, 1) ?? {}
    await client.train({ ...assignment, terms }, null, learner, randomStream(1))
    const [factors] = found
    const sign = Math.sign(terms.scalars?.bias ?? 0)
    const biasOf = ({ a = 0, b = 0, c = 0, d = 0 }: Readonly<Record<string, number>>) => a / b - c / d
    for (const group of [0, 1] as const)
      for (const label of [0, 1] as const) {
        const step = 1e-5
        const [over, under] = group === 0 ? ['a', 'b'] : ['c', 'd']
        const moved = (by: number) => ({
          ...numbers,
          ...((fair === 'SP' || label === 1) && { [over]: (numbers[over] ?? 0) + by }),
          ...(fair === 'CAL' && { [under]: (numbers[under] ?? 0) + by }),
        })
        const derivative = (biasOf(moved(step)) - biasOf(moved(-step))) / (2 * step)
        t.true(Math.abs((factors?.[group][label] ?? Number.NaN) - sign * count * derivative) < 1e-4)
      }
  })
}

test('clients without examples of a group are refused with the group, and other groups with the example', async (t) => {
  const { client, server } = fedGft()
  const state = server.init((await people4()).layout)
  t.like(
    t.throws(() => server.hear?.(state, [{ end: 'a', samples: 3, numbers: { a: 1, b: 3, c: 0, d: 0 } }])),
    { code: 'STRATEGY_GROUPS', values: { group: 1 } },
  )
  const learner = clientLearner(
    {
      ...(await people4()),
      evaluateClient: async () => ({ samples: 1, metrics: {}, columns: { group: Float64Array.of(2) } }),
    },
    0,
    'trainer-0',
  )
  const assignment = { end: 'trainer-0', round: 1, weights: new Float32Array(3), terms: {} }
  const error = await t.throwsAsync(async () => client.answer?.(assignment, learner), { code: 'STRATEGY_GROUP_VALUE' })
  t.regex(error?.message ?? '', /example 0 is 2/)
})

test('a hierarchical topology gives the bits of the two-tier one', async (t) => {
  const strategy = fedGft({ gamma: 5 })
  t.deepEqual(
    (await fairJob(strategy, { topology: hierarchical({ clients }) })).weights,
    (await fairJob(strategy)).weights,
  )
})

test('a process that ends at any write is gone on from to the same bits: the answers are asked for again', async (t) => {
  const strategy = fedGft({ gamma: 5 })
  const topology = hierarchical({ clients })
  const pool = await people4()
  const calm = await run({ strategy, pool, topology })
  for (let at = 1; at <= 24; at++) {
    const store: Store = memoryStore()
    await endingAt(at, store, { strategy, pool, topology })
    const { ended, published } = await run({ strategy, pool, topology, store })
    t.is(ended.type, 'task-completed', `write ${at}`)
    for (const { round, weights } of published) t.deepEqual([...weights], calm.weights[round - 1], `write ${at}`)
  }
})

test('a selected client whose answer fails is left out of the sums, and the round goes on', async (t) => {
  const base = await people4()
  const pool: TrainingPool = {
    ...base,
    async evaluateClient(request) {
      if (request.client !== 0) return base.evaluateClient(request)
      const columns = { group: Float64Array.of(7), label: Float64Array.of(0) }
      return { samples: 1, metrics: {}, losses: Float32Array.of(1), columns }
    },
  }
  const { ended, published } = await run({ strategy: fedGft(), pool })
  t.is(ended.type, 'task-completed')
  t.is(published[0]?.members.length, clients)
})

test('where no selected client can answer, the job fails with the cause and the remedy of the first', async (t) => {
  const pool: TrainingPool = {
    ...(await people4()),
    async evaluateClient() {
      throw learnError('LEARN_COLUMN', { name: 'group', known: 'none' })
    },
  }
  const { ended } = await run({ strategy: fedGft(), pool })
  t.is(ended.type, 'task-failed')
  const { code, message, hint } = Object(Object(ended).cause)
  t.is(code, 'ROLE_TOO_FEW_ANSWERS')
  t.regex(message, /before round 1, none of 4 .* LEARN_COLUMN the examples have no column group/)
  t.regex(hint, /add the column/)
})
