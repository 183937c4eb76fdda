import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Figure } from './figure.ts'
import { median } from './median.ts'

const main = fileURLToPath(new URL('../flamectl/main.js', import.meta.url))
const project = fileURLToPath(new URL('../../', import.meta.url))
const runs = 5
/** As the example's job has. The rounds share the time of work that is done once: imports, connections, compilation. */
const rounds = 30
/** Linux counts the processor time of processes in hundredths of seconds. */
const ticksPerSecond = 100

/** Means of a round, without the first, whose beginning isn't known, and the last, which is told when the job has ended. */
interface RoundTimes {
  readonly seconds: number
  /** Processor time of the run's process. */
  readonly cpuSeconds: number
}

/**
 * Measures the rounds of the main job with each registry, in turn with the same rounds with models in memory. The server
 * of the registry shares the processor, so that the time on the clock counts its work, too.
 *
 * @param addresses By name: the address of a registry for each run, since a registry doesn't take a round twice.
 */
export async function registryRounds(
  addresses: Readonly<Record<string, (run: number) => string>>,
  environment: Readonly<Record<string, string>>,
  report: (figure: Figure) => void,
): Promise<void> {
  const files = (_run: number) => undefined
  const registries = Object.entries({ files, ...addresses }).map(([name, address]) => {
    return { name, address, times: new Array<RoundTimes>() }
  })
  const without: RoundTimes[] = []
  for (let run = 1; run <= runs; run++) {
    without.push(await roundTimes('memory:', environment))
    for (const { address, times } of registries) times.push(await roundTimes(address(run), environment))
  }
  for (const { name, times } of registries)
    for (const [what, key] of [
      ['round', 'seconds'],
      ['round-cpu', 'cpuSeconds'],
    ] as const) {
      const value = median(Float64Array.from(times, (time) => time[key]))
      const baseline = median(Float64Array.from(without, (time) => time[key]))
      report({ figure: `registry.${name}-${what}`, value, unit: 's', baseline, ratio: baseline / value })
    }
}

/** Without an address, the models are in files. */
async function roundTimes(
  address: string | undefined,
  environment: Readonly<Record<string, string>>,
): Promise<RoundTimes> {
  const store = await mkdtemp(join(tmpdir(), 'flame-bench-'))
  const registry = address === undefined ? [] : ['--registry', address]
  const args = ['run', 'examples/mnist', '--json', '--store', store, ...registry, '--set', `rounds=${rounds}`]
  const child = spawn(process.execPath, ['--max-semi-space-size=64', main, ...args], {
    cwd: project,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const seen: { readonly at: number; readonly cpu: number }[] = []
  for await (const text of createInterface({ input: child.stdout })) {
    const line: { done?: boolean } = JSON.parse(text)
    if (!line.done) seen.push({ at: performance.now() / 1000, cpu: await cpuSecondsOf(child.pid) })
  }
  await rm(store, { recursive: true, force: true })
  const [first, last] = [seen[0], seen.at(-2)]
  if (!first || !last) throw new Error('the run told no rounds')
  const counted = seen.length - 2
  return { seconds: (last.at - first.at) / counted, cpuSeconds: (last.cpu - first.cpu) / counted }
}

async function cpuSecondsOf(pid: number | undefined): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}
