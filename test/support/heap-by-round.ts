import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runChild } from './child-lines.ts'
import { type HeldByProcess, heapFile } from './heap-probe.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface HeapRun {
  readonly transport: string
  readonly processes: number
  /** Settings of examples/trivial. */
  readonly set: string
  /** The rounds after which all processes are measured. After the last one the run is stopped. */
  readonly measuredRounds: readonly number[]
  readonly workers?: number
  /** `bytecode`: the heap has no machine code. Default: `machine`. */
  readonly code?: 'bytecode' | 'machine'
}

/** What each process holds, by round. The first process is the run's own, which has the topmost aggregators. */
type HeldByRound = ReadonlyMap<number, readonly HeldByProcess[]>

/**
 * What each process holds at these rounds, of each process by round. Each is the least of three measurements in
 * neighbouring rounds, since a process is measured in the middle of its work. The run's own process comes first.
 */
export async function heldAtRounds(
  run: Omit<HeapRun, 'measuredRounds'>,
  ...rounds: readonly number[]
): Promise<HeldByProcess[][]> {
  const near = (round: number) => [round - 8, round - 4, round]
  const held = await heapByRound({ ...run, measuredRounds: rounds.flatMap(near) })
  const least = (round: number, process: number) =>
    near(round)
      .flatMap((each) => held.get(each)?.[process] ?? [])
      .reduce((one, other) => ({
        heapBytes: Math.min(one.heapBytes, other.heapBytes),
        bufferBytes: Math.min(one.bufferBytes, other.bufferBytes),
        rssBytes: Math.min(one.rssBytes, other.rssBytes),
        files: Math.min(one.files, other.files),
        handles: Math.min(one.handles, other.handles),
      }))
  return Array.from({ length: run.processes + 1 }, (_, process) => rounds.map((round) => least(round, process)))
}

const main = fileURLToPath(new URL('../../flamectl/main.js', import.meta.url))
const probe = new URL('heap-probe.js', import.meta.url).href
const project = fileURLToPath(new URL('../../../', import.meta.url))
const answersWithinMs = 60_000

/** Runs a job whose tasks are in processes, and measures its processes while it runs. */
async function heapByRound(run: HeapRun): Promise<HeldByRound> {
  await using folder = await temporaryFolder()
  const { transport, processes, set, measuredRounds, workers = 0, code = 'machine' } = run
  const last = Math.max(...measuredRounds)
  const held = new Map<number, readonly HeldByProcess[]>()
  let measuring = Promise.resolve()
  let measured = 0
  let pids: readonly number[] = []
  const options = [
    ...['--json', '--set', `${set},rounds=${2 * last + 1000}`, '--workers', String(workers), '--keep', 'last'],
    ...['--store', join(folder.path, 'store'), '--hosts', `processes:${processes}`, '--transport', transport],
  ]
  const { status, err } = await runChild(
    process.execPath,
    [main, 'run', 'examples/trivial', ...options],
    (line, child) => {
      const { round }: { readonly round?: number } = JSON.parse(line)
      if (round === undefined || child.pid === undefined || !measuredRounds.includes(round)) return
      const { pid } = child
      measuring = measuring.then(async () => {
        if (pids.length === 0) pids = [pid, ...hostsOf(pid)]
        measured += 1
        held.set(round, await measure(folder.path, pids, measured))
        if (round === last) child.kill('SIGINT')
      })
    },
    {
      cwd: project,
      env: { ...process.env, NODE_OPTIONS: `--import=${probe}`, FLAME_HEAPS: folder.path, FLAME_HEAPS_CODE: code },
    },
  )
  await measuring
  if (status !== 130) throw new Error(`the run ended with status ${status}: ${err}`)
  return held
}

async function measure(folder: string, pids: readonly number[], number: number): Promise<HeldByProcess[]> {
  for (const pid of pids) process.kill(pid, 'SIGUSR2')
  const until = performance.now() + answersWithinMs
  const found: HeldByProcess[] = []
  for (const pid of pids) {
    const file = join(folder, heapFile(pid, number))
    while (!existsSync(file)) {
      if (performance.now() > until) throw new Error(`process ${pid} did not measure itself`)
      await setTimeout(10)
    }
    found.push(JSON.parse(readFileSync(file, 'utf8')))
  }
  return found
}

/** The processes that host tasks for a process. */
function hostsOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return children
    .filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('node-local-site'))
    .map(Number)
}
