import test, { type ExecutionContext } from 'ava'
import { subset } from '../data/in-memory-examples.ts'
import type { Learner } from '../learn/learner.ts'
import { randomStream } from '../random/random-stream.ts'
import { inlinePool } from './inline-pool.ts'
import requests, { examplesOf } from './requests.test.workload.ts'
import misbehaving from './threads/misbehaving.test.workload.ts'
import { workerPool } from './threads/worker-pool.ts'
import {
  type ClientEvaluationRequest,
  type PoolTrainingRequest,
  rolePasses,
  type TrainingPool,
} from './training-pool.ts'

const seed = 5
const client = 1
const end = 'trainer-1'

const pools: Readonly<Record<string, (settings: typeof requests.settings) => Promise<TrainingPool>>> = {
  inline: (settings) => inlinePool(requests, settings, seed),
  'in threads': (settings) =>
    workerPool({ module: new URL('./requests.test.workload.js', import.meta.url), settings, seed, workers: 2 }),
}

/** A pool, and a separate learner to compare with. */
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
  test(`${name}: a pool has the labels that the data say of clients`, async (t) => {
    const { pool } = await start(t, open, 'engine')
    t.deepEqual(await pool.labels?.(3), Float64Array.of(2, 1, 0))
    t.deepEqual(await pool.labels?.(2), Float64Array.of(2, 1))
    await t.throwsAsync(async () => pool.labels?.(4), { code: 'LEARN_CLIENT' })
  })

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

    test(`${engine}, ${name}: flipped labels and chosen examples are those of a training, and of an evaluation`, async (t) => {
      const { learner, weights, train, evaluate } = await start(t, open, engine, 0)
      const own = examplesOf(client)
      const { columns: _, bytes: __, ...features } = own
      const flipped = { ...features, label: (index: number) => 2 - own.label(index) }
      const expected = await learner.train({ weights, examples: flipped, random: randomStream(seed, 3, end, 'train') })
      t.deepEqual(await train({ flipLabels: true }), expected)
      t.notDeepEqual((await train()).delta, expected.delta)
      const indices = Uint32Array.of(4, 1)
      const losses = { perExample: true, indices, flipLabels: true }
      t.deepEqual(
        await evaluate(losses),
        await learner.evaluate(weights, subset(flipped, indices), { perExample: true }),
      )
    })

    test(`${engine}, ${name}: a server trains on the root set, by its own stream`, async (t) => {
      const { pool, learner, weights } = await start(t, open, engine)
      const random = randomStream(seed, 2, 'top-aggregator-0', 'train')
      const expected = await learner.train({ weights, examples: examplesOf(50), random })
      t.deepEqual(await pool.trainRoot?.({ end: 'top-aggregator-0', round: 2, weights, terms: {} }), expected)
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

  test(`${name}: the two parts of a model compose to the gradient of the whole, each in any thread, by one stream`, async (t) => {
    const { pool, learner, weights, evaluate } = await start(t, open, 'engine')
    const { columns } = await evaluate({ columns: ['number'] })
    const indices = Uint32Array.of(1, 4, 2)
    const examples = subset(
      examplesOf(client),
      indices.map((index) => columns?.number?.[index] ?? -1),
    )
    const passes = rolePasses(pool, () => ({ client, end }))
    t.is(await passes.samples(), (await evaluate()).samples)
    t.deepEqual(pool.modelLayers, learner.modelLayers)
    t.is(pool.modelLayers?.layers.length, 3)
    const server = rolePasses(pool, () => ({ client: undefined, end: 'server' }))
    const cut = pool.layout.tensors[0]?.name.split('/')[0] ?? ''
    const first = { part: { through: cut }, weights, round: 2, of: { indices }, label: 7 }
    const { values, labels } = await passes.forward(first)
    t.deepEqual(
      [...(labels ?? [])],
      [0, 1, 2].map((index) => examples.label(index)),
    )
    const last = { part: { after: cut }, weights, round: 2, of: { inputs: values, examples: 3 } }
    const found = await server.lossOfPart(last, labels)
    const { gradient } = await passes.backward(first, found.inputs)
    t.deepEqual(await server.lossOfPart(last, labels), found)
    t.notDeepEqual(await server.lossOfPart({ ...last, label: 1 }, labels), found)

    const inputs = new Float32Array(3 * 4)
    for (let index = 0; index < 3; index++) examples.read(index, inputs, 4 * index)
    const whole = { part: {}, weights, inputs, examples: 3 }
    const plain = await learner.parts?.loss(whole, labels ?? new Float32Array())
    const undropped = await server.lossOfPart({ ...last, training: false }, labels)
    const back = await passes.backward({ ...first, training: false }, undropped.inputs)
    const sum = back.gradient.map((value, index) => value + (undropped.gradient[index] ?? 0))
    t.true(sum.every((value, index) => Math.abs(value - (plain?.gradient[index] ?? Number.NaN)) < 1e-6))
    t.deepEqual(await passes.lossOfPart({ ...first, part: {}, training: false }), plain)
    t.true(gradient.some((value) => value !== 0))
    await t.throwsAsync(server.forward(first), { code: 'LEARN_CLIENT' })
  })

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
  t.regex(await refused({ flipLabels: true }), /ability classes/)
  t.is(pool.trainRoot, undefined)
  const passes = rolePasses(pool, () => ({ client: 0, end }))
  const forward = passes.forward({ part: {}, weights, round: 1, of: { indices: Uint32Array.of(0) } })
  t.regex((await t.throwsAsync(forward, { code: 'LEARN_ABILITY' })).message, /ability parts/)
  t.deepEqual(asked, [])
})

test('a fraction to hold out that is none is refused', async (t) => {
  for (const heldOut of [1, -0.1, Number.NaN]) {
    await t.throwsAsync(inlinePool(requests, { ...requests.settings, heldOut }, seed), { code: 'LEARN_SETTING' })
  }
})
