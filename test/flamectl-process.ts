import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Output and end of a run of flamectl. */
export interface FinishedRun {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  /** Hash of each round that was reported: of several models of a round, of the last one. */
  readonly rounds: ReadonlyMap<number, string>
  /** Hash of each model that was reported, by part, if a round has several, and round. */
  readonly models: ReadonlyMap<string, string>
  readonly done: Omit<DoneLine, 'done'> | undefined
  readonly lines: readonly unknown[]
  readonly out: string
  readonly err: string
}

export interface RunConditions {
  readonly killAfterMs?: number
  /** A signal that is sent when the first line of standard output has come. */
  readonly signalAtFirstLine?: NodeJS.Signals
  /** Stop reading standard output after its first line. */
  readonly leaveAtFirstLine?: boolean
  readonly cwd?: string
  /** Options of Node. */
  readonly node?: readonly string[]
  /** Besides the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>
}

const main = fileURLToPath(new URL('../flamectl/main.js', import.meta.url))
const project = fileURLToPath(new URL('../../', import.meta.url))

/** Runs the built flamectl in a process of its own. */
export function runFlamectl(
  args: readonly string[],
  { killAfterMs, signalAtFirstLine, leaveAtFirstLine, cwd = project, environment, node = [] }: RunConditions = {},
): Promise<FinishedRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...node, main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd,
      env: { ...process.env, ...environment },
    })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (out === '' && signalAtFirstLine) child.kill(signalAtFirstLine)
      if (leaveAtFirstLine) child.stdout.destroy()
      out += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      err += chunk
    })
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    child.on('error', reject)
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      resolve({ status, signal, out, err, ...parsed(out) })
    })
  })
}

function parsed(out: string): Pick<FinishedRun, 'rounds' | 'models' | 'done' | 'lines'> {
  const rounds = new Map<number, string>()
  const models = new Map<string, string>()
  const lines: unknown[] = []
  let done: FinishedRun['done']
  for (const text of out.split('\n').slice(0, -1)) {
    if (!text.startsWith('{')) continue
    const line: RoundLine & DoneLine = JSON.parse(text)
    lines.push(line)
    if (line.done) done = line
    else {
      rounds.set(line.round, line.hash)
      models.set(modelName(line), line.hash)
    }
  }
  return { rounds, models, done, lines }
}

/** Names a model of a run. */
export function modelName({ round, part }: { readonly round: number; readonly part?: string }): string {
  return part === undefined ? `${round}` : `${part} ${round}`
}

interface RoundLine {
  readonly part?: string
  readonly round: number
  readonly hash: string
}

interface DoneLine {
  readonly done: boolean
  /** Where a round has several models. */
  readonly models?: readonly { readonly part: string; readonly hash: string }[]
  readonly rounds: number
  readonly accuracy: number
  readonly hash: string
  readonly model: string
}
