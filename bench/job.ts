import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Suite } from './figure.ts'
import { median } from './median.ts'

const main = fileURLToPath(new URL('../flamectl/main.js', import.meta.url))
const project = fileURLToPath(new URL('../../', import.meta.url))
/** As in npm start: with thousands of ends, short-lived objects outgrow the default of 16 MiB, and are copied twice. */
const youngSpace = '--max-semi-space-size=64'

interface TimedRound {
  readonly atSeconds: number
  readonly members: number
}

/** Measures whole jobs, run by the command on a durable store, each in a process of its own. */
export const jobSuite: Suite = async (report) => {
  const mnist = await timedRun(['examples/mnist', '--set', 'rounds=5'])
  const first = mnist[0]?.atSeconds ?? Number.NaN
  report({ figure: 'job.first-round-seconds', value: first, unit: 's' })
  report({ figure: 'job.rounds-per-second', value: medianRate(mnist, () => 1), unit: 'rounds/s' })

  const trivial = await timedRun(['examples/trivial', '--workers', '0', '--set', 'rounds=80'])
  report({
    figure: 'job.trivial-updates-per-second',
    value: medianRate(trivial.slice(10), ({ members }) => members),
    unit: 'updates/s',
  })
}

/** Median rate per second of all rounds but the first, whose beginning isn't known. */
function medianRate(rounds: readonly TimedRound[], count: (round: TimedRound) => number): number {
  const rates = rounds
    .slice(1)
    .map((round, index) => count(round) / (round.atSeconds - (rounds[index]?.atSeconds ?? 0)))
  return median(Float64Array.from(rates))
}

async function timedRun(args: readonly string[]): Promise<TimedRound[]> {
  const store = await mkdtemp(join(tmpdir(), 'flame-bench-'))
  const began = performance.now()
  const child = spawn(process.execPath, [youngSpace, main, 'run', ...args, '--json', '--store', store], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const rounds: TimedRound[] = []
  for await (const text of createInterface({ input: child.stdout })) {
    const line: { done?: boolean; members?: readonly string[] } = JSON.parse(text)
    if (!line.done) rounds.push({ atSeconds: (performance.now() - began) / 1000, members: line.members?.length ?? 0 })
  }
  await rm(store, { recursive: true, force: true })
  return rounds
}
