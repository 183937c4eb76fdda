import test, { type ExecutionContext } from 'ava'
import { subset } from '../data/in-memory-examples.ts'
import type { Learner } from '../learn/learner.ts'
import { randomStream } from '../random/random-stream.ts'
import { inlinePool } from './inline-pool.ts'
import requests, { examplesOf } from './requests.test.workload.ts'
import misbehaving from './threads/misbehaving.test.workload.ts'
import { workerPool } from './threads/worker-pool.ts'
import type { ClientEvaluationRequest, PoolTrainingRequest, TrainingPool } from './training-pool.ts'

const seed = 5
const client = 1
const end = 'trainer-1'

const pools: Readonly<Record<string, (settings: typeof requests.settings) => Promise<TrainingPool>>> = {
  inline: (settings) => inlinePool(requests, settings, seed),
  'in threads': (settings) =>
    workerPool({ module: new URL('./requests.test.workload.js', import.meta.url), settings, seed, workers: 2 }),
}

/** A pool, and a learner of its own to compare it with. */
async function start(t: ExecutionContext, open: (typeof pools)[string], engine: string, heldOut = 0.25) {
  const settings = { ...requests.settings, engine, heldOut }
  const [pool, learner] = await Promise.all([open(settings), requests.learner(settings)])
  t.teardown(() => pool.close())
  const weights = await pool.initialWeights()
  const train = (request: Partial<PoolTrainingRequest> = {}) =>
    pool.train({ client, end, round: 3, weights, terms: {}, ...request })
  const evaluate = (request: Partial<ClientEvaluationRequest> = {}) =>
    pool.evaluateClient({ client, weights, on: 'training', ...request })
  return { pool, learner, weights, train, evaluate }
}

for (const [name, open] of Object.entries(pools)) {
  for (const engine of ['engine', 'tensorflow']) {
    test(`${engine}, ${name}: a training's own choices are what the learner does with them, on the chosen examples`, async (t) => {
      const { pool, learner, weights, train, evaluate } = await start(t, open, engine)
      const { columns } = await evaluate({ columns: ['number'] })
      const training = subset(examplesOf(client), Uint32Array.from(columns?.number ?? []))
      const shifted = (by: number) => weights.map((value) => value + by)
      const choices = {
        work: { steps: 3, learningRate: 0.05 },
        start: shifted(0.1),
        centre: shifted(-0.1),
        base: shifted(0.2),
        trainable: pool.layout.tensors.map((_, index) => index !== 1),
        terms: { proximal: 0.5 },
      }
      const indices = Uint32Array.of(7, 0, 2, 5, 3)
      const random = () => randomStream(seed, 3, end, 'train', 'dispatch-9')
      const expected = await learner.train({
        ...choices,
        weights,
        examples: subset(training, indices),
        random: random(),
      })
      const update = await train({ ...choices, indices, label: 'dispatch-9' })
      t.deepEqual(update, expected)
      t.is(update.steps, 3)
      t.is(update.samples, 5)
      const plain = await learner.train({ weights, examples: training, random: randomStream(seed, 3, end, 'train') })
      t.deepEqual(await train(), plain)
      t.notDeepEqual((await train({ label: 1 })).delta, plain.delta)
    })

    test(`${engine}, ${name}: held-out examples are evaluated, and never trained on`, async (t) => {
      const { learner, weights, evaluate } = await start(t, open, engine)
      const numbers = async (on: 'training' | 'held-out') => {
        const { columns, losses, samples } = await evaluate({ on, columns: ['number', 'group'], perExample: true })
        t.is(losses?.length, samples)
        t.deepEqual(
          [...(columns?.group ?? [])],
          Array.from({ length: samples }, () => 1),
        )
        return [...(columns?.number ?? [])]
      }
      const [training, heldOut] = [await numbers('training'), await numbers('held-out')]
      t.is(heldOut.length, 3)
      t.deepEqual(
        [...training, ...heldOut].toSorted((a, b) => a - b),
        Array.from({ length: 13 }, (_, index) => index),
      )
      const own = examplesOf(client)
      const expected = (of: readonly number[]) =>
        learner.evaluate(weights, subset(own, Uint32Array.from(of)), { perExample: true })
      t.deepEqual(await evaluate({ perExample: true, round: 1 }), await expected(training))
      t.deepEqual(await evaluate({ perExample: true, on: 'held-out' }), await expected(heldOut))
    })
  }

  test(`${name}: nothing is held out where the data doesn't say so, and unknown columns and clients are refused`, async (t) => {
    const { evaluate, train } = await start(t, open, 'engine', 0)
    t.is((await evaluate()).samples, 13)
    await t.throwsAsync(evaluate({ on: 'held-out' }), { code: 'LEARN_HELD_OUT' })
    t.regex((await t.throwsAsync(evaluate({ columns: ['age'] }), { code: 'LEARN_COLUMN' })).message, /number, group/)
    await t.throwsAsync(evaluate({ client: 3 }), { code: 'LEARN_CLIENT' })
    await t.throwsAsync(train({ indices: Uint32Array.of(13) }), { code: 'DATA_INDEX' })
    await t.throwsAsync(train({ indices: new Uint32Array() }), { code: 'LEARN_EMPTY' })
  })
}

test('a learner that lacks an ability is never asked for it: the request is refused, and says which', async (t) => {
  const asked: string[] = []
  const learner: Learner = {
    ...(await misbehaving.learner(misbehaving.settings)),
    train: async () => {
      asked.push('train')
      throw new Error('not to be asked')
    },
    evaluate: async () => {
      asked.push('evaluate')
      throw new Error('not to be asked')
    },
  }
  const pool = await inlinePool({ ...misbehaving, learner: () => learner }, misbehaving.settings, 1)
  const weights = new Float32Array(pool.layout.size)
  const refused = async (request: Partial<PoolTrainingRequest>) => {
    const training = pool.train({ client: 0, end, round: 1, weights, terms: {}, ...request })
    return (await t.throwsAsync(training, { code: 'LEARN_ABILITY' })).message
  }
  t.regex(await refused({ work: { steps: 1 } }), /ability work/)
  for (const place of ['start', 'centre', 'base']) t.regex(await refused({ [place]: weights }), /ability start/)
  t.regex(await refused({ trainable: [true] }), /ability trainable/)
  const losses = pool.evaluateClient({ client: 0, weights, on: 'training', perExample: true })
  t.regex((await t.throwsAsync(losses, { code: 'LEARN_ABILITY' })).message, /ability losses/)
  t.deepEqual(asked, [])
})

test('a fraction to hold out that is none is refused', async (t) => {
  for (const heldOut of [1, -0.1, Number.NaN]) {
    await t.throwsAsync(inlinePool(requests, { ...requests.settings, heldOut }, seed), { code: 'LEARN_SETTING' })
  }
})
