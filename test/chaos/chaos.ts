import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomStream } from '../../sdk/index.ts'
import { type FinishedRun, runFlamectl } from '../flamectl-process.ts'
import { recomputedHashes } from './recomputed.ts'

export interface ChaosOptions {
  readonly workload: string
  readonly set: string
  readonly workers: string
  readonly kills: number
  readonly seed: number
  readonly report: (line: string) => void
}

/** Most attempts until a run that is killed again and again must have ended. */
const mostAttempts = 10

/**
 * Runs a job once undisturbed, then once for each kill: SIGKILL at a random instant, then `--resume` until the job has
 * ended (with a second kill every other time). Answers with the number of runs with wrong results. Right results are
 * those of the undisturbed run; for an asynchronous job, those that follow from the run's own order of arrival.
 */
export async function chaos({ workload, set, workers, kills, seed, report }: ChaosOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'flame-chaos-'))
  const command = (store: string) => [
    'run',
    workload,
    '--json',
    '--workers',
    workers,
    '--set',
    set,
    '--store',
    join(folder, store),
  ]
  try {
    const began = performance.now()
    const calm = await runFlamectl(command('calm'))
    const lifeMs = performance.now() - began
    if (calm.status !== 0) throw new Error(`the undisturbed run failed: ${calm.err}`)
    const expected = async (store: string): Promise<ReadonlyMap<string, string>> =>
      (await recomputedHashes(workload, set, join(folder, store, 'models'))) ?? calm.models
    const calmFault = await faultOf([calm], () => expected('calm'))
    if (calmFault) throw new Error(`the undisturbed run does not follow from its arrivals: ${calmFault}`)
    report(
      `seed ${seed}; undisturbed: ${calm.rounds.size} rounds in ${(lifeMs / 1000).toFixed(1)} s, hash ${calm.done?.hash ?? 'of each part'}`,
    )

    let wrong = 0
    for (let kill = 0; kill < kills; kill++) {
      const random = randomStream(seed, kill)
      const instants = [random.uniform() * lifeMs, ...(kill % 2 === 1 ? [random.uniform() * lifeMs] : [])]
      const runs = await killed(command(`kill-${kill}`), instants)
      const fault = await faultOf(runs, () => expected(`kill-${kill}`))
      if (fault) wrong += 1
      const at = instants.map((instant) => `${(instant / 1000).toFixed(2)} s`).join(', ')
      report(`${fault ? 'WRONG' : 'same '} seed ${seed} kill ${kill} at ${at}: ${fault ?? `${runs.length} runs`}`)
      await rm(join(folder, `kill-${kill}`), { recursive: true, force: true })
    }
    report(`${kills - wrong} passed, ${wrong} failed`)
    return wrong
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function killed(command: readonly string[], instants: readonly number[]): Promise<FinishedRun[]> {
  const runs: FinishedRun[] = []
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const killAfterMs = instants[attempt]
    const run = await runFlamectl(
      attempt === 0 ? command : [...command, '--resume'],
      killAfterMs === undefined ? {} : { killAfterMs },
    )
    runs.push(run)
    if (run.done || run.signal === null) break
  }
  return runs
}

/** The difference between the models of the killed runs together and the right ones; or why there are no right ones. */
async function faultOf(
  runs: readonly FinishedRun[],
  right: () => Promise<ReadonlyMap<string, string>>,
): Promise<string | undefined> {
  const last = runs.at(-1)
  if (!last?.done)
    return `no end: status ${last?.status}, ${last?.err} after ${runs.map(({ out }) => JSON.stringify(out.slice(-300))).join(', ')}`
  try {
    return compare(await right(), runs, last.done)
  } catch (cause) {
    return String(cause)
  }
}

function compare(
  expected: ReadonlyMap<string, string>,
  runs: readonly FinishedRun[],
  done: NonNullable<FinishedRun['done']>,
): string | undefined {
  for (const run of runs) {
    for (const [name, hash] of run.models)
      if (expected.get(name) !== hash) return `model ${name} has hash ${hash}, not ${expected.get(name)}`
  }
  const seen = new Set(runs.flatMap(({ models }) => [...models.keys()]))
  const missing = [...expected.keys()].filter((name) => !seen.has(name))
  if (missing.length > 0) return `models ${missing.join(', ')} were never reported`
  const hashes = new Set(expected.values())
  const ends = done.models?.map(({ hash }) => hash) ?? [done.hash]
  return ends.every((hash) => hashes.has(hash)) ? undefined : `it ended with ${ends.join(', ')}`
}
