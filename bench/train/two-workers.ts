import type { TrainingPool } from '../../sdk/index.ts'
import { workerPool } from '../../sdk/node/index.ts'
import { median } from '../median.ts'
import workload from './two-workers.workload.ts'

const sliceMs = 2_000

/** Ratio of the samples/s of a pool of two worker threads to those of a pool of one. The pools take turns. */
export async function twoWorkersRatio(slices: number): Promise<number> {
  const module = new URL('./two-workers.workload.js', import.meta.url)
  const open = (workers: number) => workerPool({ module, settings: workload.settings, seed: 1, workers })
  const pools = [await open(1), await open(2)] as const
  try {
    const weights = await pools[0].initialWeights()
    const rates = pools.map(() => new Float64Array(slices))
    for (let turn = -1; turn < slices; turn++) {
      for (const [index, pool] of pools.entries()) {
        const rate = await samplesPerSecond(pool, index + 1, weights)
        // The first turn warms up.
        if (turn >= 0) rates[index]?.fill(rate, turn, turn + 1)
      }
    }
    const [one = Number.NaN, two = Number.NaN] = rates.map(median)
    return two / one
  } finally {
    await Promise.all(pools.map((pool) => pool.close()))
  }
}

/** Measures a pool's samples/s while each worker trains one client, again and again. */
async function samplesPerSecond(pool: TrainingPool, workers: number, weights: Float32Array): Promise<number> {
  const began = performance.now()
  let samples = 0
  const keepBusy = async (client: number) => {
    while (performance.now() - began < sliceMs) {
      const update = await pool.train({ client, end: `trainer-${client}`, round: 1, weights, terms: {} })
      samples += update.samples
    }
  }
  await Promise.all(Array.from({ length: workers }, (_, client) => keepBusy(client)))
  return samples / ((performance.now() - began) / 1000)
}
