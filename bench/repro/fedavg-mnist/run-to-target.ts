import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Experiment, Run } from './experiments.ts'

const main = fileURLToPath(new URL('../../../flamectl/main.js', import.meta.url))
const project = fileURLToPath(new URL('../../../../', import.meta.url))

/** Runs the MNIST example by the command, until a round reaches the target accuracy, or `mostRounds` rounds haven't. */
export async function runToTarget(
  { name, settings, target, mostRounds }: Experiment,
  seed: number,
  rate: number,
  report: (line: string) => void,
): Promise<Run> {
  const store = await mkdtemp(join(tmpdir(), 'flame-repro-'))
  const set = Object.entries({ ...settings, learningRate: rate, rounds: mostRounds })
  const args = ['run', 'examples/mnist', '--json', '--store', store, '--seed', String(seed)]
  const child = spawn(
    process.execPath,
    [main, ...args, '--set', set.map(([key, value]) => `${key}=${value}`).join(',')],
    {
      cwd: project,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const ended = new Promise((resolve) => child.once('close', resolve))
  const accuracies: number[] = []
  let reached = false
  for await (const text of createInterface({ input: child.stdout })) {
    const line: { readonly round?: number; readonly accuracy: number } = JSON.parse(text)
    if (reached || line.round === undefined) continue
    accuracies.push(line.accuracy)
    if (line.round % 10 === 0) report(`${name} seed ${seed} rate ${rate}: round ${line.round}, ${line.accuracy}`)
    reached = line.accuracy >= target
    if (reached) child.kill('SIGINT')
  }
  await ended
  await rm(store, { recursive: true, force: true })
  return { experiment: name, seed, rate, accuracies, reached }
}
