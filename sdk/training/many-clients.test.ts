import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { inMemoryExamples } from '../data/in-memory-examples.ts'
import { spread } from '../data/partition/spread.ts'
import type { Learner } from '../learn/learner.ts'
import { accumulator } from '../sum/wasm-accumulator.ts'
import { holdingHere } from './held-sums.ts'
import { inlinePool } from './inline-pool.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

const size = 16
const learner: Learner = {
  layout: { tensors: [{ name: 'w', shape: [size] }], size },
  initialWeights: async () => new Float32Array(size),
  train: async ({ examples, random, into }) => ({
    delta: (into?.() ?? new Float32Array(size)).fill(random.uniform()),
    samples: examples.count,
    metrics: { loss: 0 },
  }),
  evaluate: async () => ({ samples: 1, metrics: { loss: 0 } }),
}
const labels = Uint8Array.from({ length: 1_000 }, (_, index) => index % 10)
const examples = inMemoryExamples({ features: labels, labels, shape: [1] })
const clients = 200_000

test('a pool keeps nothing of the clients that it has trained, and asks for the number of examples without them', async (t) => {
  let read = 0
  const pool = await inlinePool(
    {
      learner: () => learner,
      data(_settings, random) {
        const data = spread({ examples, clients, scheme: 'draw:5-9:dirichlet:0.5', random })
        const client = (index: number) => {
          read += 1
          return data.client(index)
        }
        return { ...data, client, heldOut: 0.2, test: examples }
      },
    },
    { rounds: 1, clients },
    1,
    undefined,
    holdingHere,
  )
  const weights = await pool.initialWeights()
  const sum = accumulator({ layout: pool.layout })
  const trainTo = async (from: number, to: number) => {
    for (let client = from; client < to; client++) {
      const update = await pool.trainHeld?.({ client, end: `trainer-${client}`, round: 1, weights, terms: {} })
      if (update) sum.add({ end: 'a trainer', delta: update.delta, weight: update.samples })
    }
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = await trainTo(0, 20_000)
  const after = await trainTo(20_000, clients)
  t.is(sum.updates, clients)
  await sum.settle()
  t.true(sum.mean().every((value) => value > 0.4 && value < 0.6))
  // Less than any object for each client would take.
  t.true(after - before < 16 * (clients - 20_000), `${after - before} bytes`)

  read = 0
  const counted = await pool.samples?.(7)
  t.is(read, 0)
  const update = await pool.train({ client: 7, end: 'trainer-7', round: 1, weights, terms: {} })
  t.is(counted, update.samples)
  await t.throwsAsync(async () => pool.samples?.(clients), { code: 'LEARN_CLIENT' })
})
