import { actorSystem, systemClock } from '../runtime/index.ts'
import { accumulator, layoutOf } from '../sdk/index.ts'

/**
 * Program: offers updates to an aggregating actor, each made when the last was taken; prints the peak memory in MiB.
 */
const [updates = 0, size = 0] = process.argv.slice(2).map(Number)
const collect = globalThis.gc ?? (() => {})
const system = actorSystem({ clock: systemClock() })
const sum = accumulator({ layout: layoutOf([{ name: 'weights', shape: [size] }]) })
let peak = 0

const aggregator = system.spawn<Float32Array>(
  'aggregator',
  () => (delta) => sum.add({ end: 'trainer', delta, weight: 1 }),
  { mailbox: { capacity: 1 } },
)
for (let update = 0; update < updates; update++) {
  await aggregator.offer(new Float32Array(size).fill(update))
  await system.idle()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  peak = Math.max(peak, heapUsed + external)
}
console.log((peak / 2 ** 20).toFixed(1))
await system.terminate()
