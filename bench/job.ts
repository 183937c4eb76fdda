import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Suite } from './figure.ts'

const main = fileURLToPath(new URL('../flamectl/main.js', import.meta.url))
const project = fileURLToPath(new URL('../../', import.meta.url))
const usageProgram = new URL('job-usage.js', import.meta.url).href
/** As in npm start: with thousands of ends, short-lived objects outgrow the default of 16 MiB, and are copied twice. */
const youngSpace = '--max-semi-space-size=64'

interface TimedRound {
  readonly atSeconds: number
  readonly members: number
}

/** What a run has used from its start to its end. */
interface Usage {
  readonly seconds: number
  readonly peakMegabytes: number
}

/** Numbers of clients, each a task and an actor, of the figures of large jobs. */
const manyClients = [10_000, 50_000]

/** Measures whole jobs, run by the command on a durable store, each in a process of its own. */
export const jobSuite: Suite = async (report) => {
  const { rounds: mnist } = await timedRun(['examples/mnist', '--set', 'rounds=5'])
  const first = mnist[0]?.atSeconds ?? Number.NaN
  report({ figure: 'job.first-round-seconds', value: first, unit: 's' })
  report({ figure: 'job.rounds-per-second', value: rateOf(mnist, () => 1), unit: 'rounds/s' })

  const { rounds: trivial } = await timedRun(['examples/trivial', '--workers', '0', '--set', 'rounds=80'])
  report({
    figure: 'job.trivial-updates-per-second',
    value: rateOf(trivial.slice(10), ({ members }) => members),
    unit: 'updates/s',
  })

  for (const clients of manyClients) {
    const settings = `clients=${clients},rounds=1`
    const { rounds, usage } = await timedRun(['examples/trivial', '--workers', '0', '--set', settings], [])
    const figure = `job.many-clients.${clients}`
    report({ figure: `${figure}-first-round`, value: rounds[0]?.atSeconds ?? Number.NaN, unit: 's' })
    report({ figure: `${figure}-processor`, value: usage.seconds, unit: 's' })
    report({ figure: `${figure}-peak`, value: usage.peakMegabytes, unit: 'MB' })
  }
}

/**
 * Rate per second over all rounds but the first, whose beginning isn't known. A median over rounds would leave out the
 * rounds that wait for what others have put off: the store's large commits, and garbage.
 */
function rateOf(rounds: readonly TimedRound[], count: (round: TimedRound) => number): number {
  const [first, last] = [rounds[0], rounds.at(-1)]
  if (!first || !last) return Number.NaN
  const counted = rounds.slice(1).reduce((sum, round) => sum + count(round), 0)
  return counted / (last.atSeconds - first.atSeconds)
}

async function timedRun(
  args: readonly string[],
  flags: readonly string[] = [youngSpace],
): Promise<{ readonly rounds: readonly TimedRound[]; readonly usage: Usage }> {
  const store = await mkdtemp(join(tmpdir(), 'flame-bench-'))
  const began = performance.now()
  const run = [...flags, '--import', usageProgram, main, 'run', ...args, '--json', '--store', store]
  const child = spawn(process.execPath, run, { cwd: project, stdio: ['ignore', 'pipe', 'inherit', 'pipe'] })
  const [, output, , used] = child.stdio
  if (!(output instanceof Readable && used instanceof Readable)) throw new TypeError('the run has no pipes')
  const usage = text(used)
  const rounds: TimedRound[] = []
  for await (const written of createInterface({ input: output })) {
    const line: { done?: boolean; members?: readonly string[] } = JSON.parse(written)
    if (!line.done) rounds.push({ atSeconds: (performance.now() - began) / 1000, members: line.members?.length ?? 0 })
  }
  const found: Usage = JSON.parse(await usage)
  await rm(store, { recursive: true, force: true })
  return { rounds, usage: found }
}
