import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type RandomStream, randomStream } from '../../../sdk/index.ts'
import { fleetCases, simulateCase } from './fleet-cases.ts'

const program = fileURLToPath(new URL('fleet-program.js', import.meta.url))

interface FleetChaosOptions {
  readonly kills: number
  readonly seed: number
  readonly report: (line: string) => void
}

/**
 * Simulates a case undisturbed in this process, and then in processes that are killed by SIGKILL at random instants, until
 * so many have been: each goes on with the run of the one before, and a run that comes to its end is followed by a new one.
 * Every round that any of them tells must be the undisturbed run's, at the same virtual time. Returns the number of lives
 * that told something else.
 */
export async function fleetChaos(name: string, { kills, seed, report }: FleetChaosOptions): Promise<number> {
  const fleet = fleetCases[name]
  if (!fleet) throw new RangeError(`no case ${name}; there are ${Object.keys(fleetCases).join(', ')}`)
  const expected: string[] = []
  const began = performance.now()
  await simulateCase(fleet, (facts) => expected.push(facts))
  const calmMs = performance.now() - began
  report(`${name}, seed ${seed}: ${expected.length} rounds in ${calmMs.toFixed(0)} ms undisturbed`)
  const folder = await mkdtemp(join(tmpdir(), 'flame-fleet-chaos-'))
  let wrong = 0
  try {
    for (let killed = 0, run = 0, life = 0; ; life++) {
      const isLast = killed === kills
      const random = randomStream(seed, name, life)
      const store = join(folder, String(run))
      const { told, wasKilled } = await lived(
        name,
        store,
        isLast ? undefined : instantOf(random, expected.length, calmMs),
      )
      const fault = differenceOf(told, expected, wasKilled)
      if (fault !== undefined) wrong += 1
      if (wasKilled) killed += 1
      const what = wasKilled ? `killed after round ${told.length}` : `ended after round ${told.length}`
      report(`${fault === undefined ? 'same ' : 'WRONG'} run ${run}: ${what}${fault === undefined ? '' : `: ${fault}`}`)
      if (wasKilled) continue
      if (isLast) return wrong
      run += 1
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** An instant of a life: after some rounds, and a part of the time that a few rounds take. */
interface Instant {
  readonly afterRounds: number
  readonly ms: number
}

function instantOf(random: RandomStream, rounds: number, calmMs: number): Instant {
  return { afterRounds: 1 + random.below(rounds - 1), ms: (random.uniform() * 3 * calmMs) / rounds }
}

/** One process of a run. It is killed at the instant, unless it ends before. */
function lived(
  name: string,
  store: string,
  instant: Instant | undefined,
): Promise<{ readonly told: readonly string[]; readonly wasKilled: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, name, store], { stdio: ['ignore', 'pipe', 'pipe'] })
    const told: string[] = []
    let err = ''
    let timer: NodeJS.Timeout | undefined
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      err += chunk
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      told.push(line)
      if (told.length === instant?.afterRounds) timer = setTimeout(() => child.kill('SIGKILL'), instant.ms)
    })
    child.on('error', reject)
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      if (signal === 'SIGKILL') resolve({ told, wasKilled: true })
      else if (status === 0) resolve({ told, wasKilled: false })
      else reject(new Error(`the simulation of ${name} ended with ${status ?? signal}: ${err}`))
    })
  })
}

/** The rounds of a life that differ from those of the undisturbed run. A line that a kill cut off is no line. */
function differenceOf(told: readonly string[], expected: readonly string[], wasKilled: boolean): string | undefined {
  const wrong = told.findIndex((line, index) => line !== expected[index])
  if (wrong >= 0) return `round ${wrong + 1} is ${told[wrong]}, not ${expected[wrong]}`
  return wasKilled || told.length === expected.length ? undefined : `it told ${told.length} rounds`
}
