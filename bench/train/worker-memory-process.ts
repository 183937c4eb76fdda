import { accumulator } from '../../sdk/index.ts'
import { loadWorkload, workerPool } from '../../sdk/node/index.ts'

/**
 * Program: runs rounds of the MNIST example's model over a number of workers, settles each sum, and prints the
 * process's MiB.
 */
const [model = '', workers = '1'] = process.argv.slice(2)
const rounds = 6
/** Many clients with few examples each: memory doesn't depend on the number of examples. */
const clients = 2_000
const clientsPerWorker = 3

const { workload, module } = await loadWorkload(new URL('../../examples/mnist/workload.js', import.meta.url).pathname)
const settings = { ...workload.settings, model, clients }
const pool = await workerPool({ module, settings, seed: 1, workers: Number(workers) })
const weights = await pool.initialWeights()
const sum = accumulator({ layout: pool.layout, name: 'memory' })
for (let round = 1; round <= rounds; round++) {
  sum.reset()
  await Promise.all(
    Array.from({ length: clientsPerWorker * Number(workers) }, async (_, client) => {
      const end = `trainer-${client}`
      const request = { client, end, round, weights, terms: {} }
      const update = await (pool.trainHeld?.(request) ?? pool.train(request))
      sum.add({ end, delta: update.delta, weight: update.samples })
    }),
  )
  await sum.settle()
  if (round === 1) await pool.evaluate(weights)
  globalThis.gc?.()
}
console.log(JSON.stringify({ mib: process.memoryUsage().rss / 2 ** 20, parameters: pool.layout.size }))
await pool.close()
