import { fileURLToPath } from 'node:url'
import test from 'ava'
import { inlinePool, resolveSettings, type TrainingPool } from '../sdk/index.ts'
import { loadWorkload, workerPool } from '../sdk/node/index.ts'

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))
const add = (a: Float32Array, b: Float32Array) => a.map((value, index) => value + (b[index] ?? 0))

/** Trains one client from the initial weights, and evaluates the result. */
async function firstStep(pool: TrainingPool) {
  const weights = await pool.initialWeights()
  const update = await pool.train({ client: 3, end: 'trainer-3', round: 1, weights, terms: {} })
  const evaluation = await pool.evaluate(add(weights, update.delta))
  await pool.close()
  return { weights, update, evaluation }
}

test('the MNIST example learns from its first batches, to the same bits here and in a worker', async (t) => {
  const { workload, module } = await loadWorkload(example('mnist'))
  const settings = resolveSettings(workload.settings, { clients: '100' })
  const [here, worker] = await Promise.all([
    inlinePool(workload, settings, 1).then(firstStep),
    workerPool({ module, settings, seed: 1, workers: 1 }).then(firstStep),
  ])
  t.deepEqual(worker, here)
  t.is(here.weights.length, 199_210)
  t.is(here.update.samples, 600)
  t.is(here.evaluation.samples, 10_000)
  t.true((here.evaluation.metrics.accuracy ?? 0) > 0.4, String(here.evaluation.metrics.accuracy))
})

test('the text example tells spam by an attention in the engine, to the same bits here and in a worker', async (t) => {
  const { workload, module } = await loadWorkload(example('text'))
  const settings = resolveSettings(workload.settings, { epochs: '40' })
  const [here, worker] = await Promise.all([
    inlinePool(workload, settings, 1).then(firstStep),
    workerPool({ module, settings, seed: 1, workers: 1 }).then(firstStep),
  ])
  t.deepEqual(worker, here)
  t.is(here.weights.length, 10_625)
  t.true((here.evaluation.metrics.accuracy ?? 0) > 0.7, String(here.evaluation.metrics.accuracy))
})

test('the trivial example runs for any client', async (t) => {
  const { workload } = await loadWorkload(example('trivial'))
  const pool = await inlinePool(workload, workload.settings, 1)
  t.is(pool.clients, 10_000)
  t.is((await firstStep(pool)).update.delta.length, 1_000)
})
