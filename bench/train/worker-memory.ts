import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median } from '../median.ts'

const script = fileURLToPath(new URL('./worker-memory-process.js', import.meta.url))
const trials = 3

/** `mib`: memory that one more worker takes. `limit`: four times the model's bytes, plus 30 MiB. */
export function workerMemory(model: '2nn' | 'cnn'): { readonly mib: number; readonly limit: number } {
  const each: number[] = []
  let limit = 0
  for (let trial = 0; trial < trials; trial++) {
    const [one, three] = [memoryOf(model, 1), memoryOf(model, 3)]
    each.push((three.mib - one.mib) / 2)
    limit = (4 * 4 * one.parameters) / 2 ** 20 + 30
  }
  return { mib: median(Float64Array.from(each)), limit }
}

function memoryOf(model: string, workers: number): { readonly mib: number; readonly parameters: number } {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', script, model, String(workers)], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}
