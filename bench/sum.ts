import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { accumulator, layoutOf } from '../sdk/index.ts'
import type { Suite } from './figure.ts'
import { medianSecondsOfBoth } from './median.ts'

/** Parameters of the FedAvg paper's CNN. */
const size = 1_663_370

export const sumSuite: Suite = async (report) => {
  const delta = Float32Array.from({ length: size }, (_, index) => Math.sin(index) / 100)
  const sum = accumulator({ layout: layoutOf([{ name: 'weights', shape: [size] }]) })
  const plain = new Float32Array(size)
  const { first: own, second: baseline } = medianSecondsOfBoth(
    () => sum.add({ end: 'trainer-0', delta, weight: 600 }),
    () => {
      for (let i = 0; i < size; i++) plain[i]! += delta[i]!
    },
  )
  report({
    figure: 'sum.reproducible',
    value: own * 1000,
    unit: 'ms',
    baseline: baseline * 1000,
    ratio: baseline / own,
  })

  const waiting = [0.01, 0.02, 0.03, 0.04].map((scale) => delta.map((value) => value * scale))
  const batch = waiting.map((delta, trainer) => ({ end: `trainer-${trainer}`, delta, weight: 600 }))
  const { first: batched, second: four } = medianSecondsOfBoth(
    () => void sum.addAll(batch),
    () => {
      for (const delta of waiting) for (let i = 0; i < size; i++) plain[i]! += delta[i]!
    },
  )
  report({ figure: 'sum.batched', value: batched * 1000, unit: 'ms', baseline: four * 1000, ratio: four / batched })

  const few = peakMemory(4)
  for (const [figure, updates] of [
    ['sum.peak-memory-16', 16],
    ['sum.peak-memory', 64],
  ] as const) {
    const value = peakMemory(updates)
    report({ figure, value, unit: 'MiB', baseline: few, ratio: few / value })
  }
}

/** Peak memory in MiB of a process that adds this number of updates as they come. */
function peakMemory(updates: number): number {
  const script = fileURLToPath(new URL('./peak-memory.js', import.meta.url))
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--expose-gc', script, String(updates), String(size)],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}
