import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { runChild } from './child-lines.ts'

export interface FinishedCommand {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

export interface RunningUp extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Standard output so far. */
  readonly out: () => string
  /** Runs another command against this control plane. */
  command(...args: readonly string[]): Promise<FinishedCommand>
  /** Sends signals, one after another. Answers with the exit status, or the signal that ended the process. */
  end(...signals: readonly NodeJS.Signals[]): Promise<number | NodeJS.Signals | null>
}

const main = fileURLToPath(new URL('../../flamectl/main.js', import.meta.url))

/** Runs a command of the built flamectl to its end. */
export async function runCommand(
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<FinishedCommand> {
  const { status, lines, err } = await runChild(process.execPath, [main, ...args], undefined, options)
  return { status, out: lines.map((line) => `${line}\n`).join(''), err }
}

/** Starts a control plane by `flamectl up`, in a process of its own, on a free port. */
export function flamectlUp(store: string, ...more: readonly string[]): Promise<RunningUp> {
  return upUnder({}, store, ...more)
}

interface Surroundings {
  /** Path of Node's program. Default: this process's. */
  readonly program?: string
  /** Path of flamectl's entry. Default: the clone's. */
  readonly entry?: string
  /** Working folder. Default: this process's. */
  readonly cwd?: string
  /** Options for Node. */
  readonly node?: readonly string[]
  /** Variables of the process's environment, besides those of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Files that the process may have open at once. */
  readonly mostFiles?: number
}

/** Starts a control plane like `flamectlUp`, in other surroundings. */
export async function upUnder(
  { program = process.execPath, entry = main, cwd, node = [], env = {}, mostFiles }: Surroundings,
  store: string,
  ...more: readonly string[]
): Promise<RunningUp> {
  const args = [...node, entry, 'up', '--port', '0', '--store', store, ...more]
  const bounded = ['-c', `ulimit -n ${mostFiles}; exec "$@"`, 'sh', program, ...args]
  const [command, given] = mostFiles === undefined ? [program, args] : ['sh', bounded]
  const child = spawn(command, given, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const ended = once(child, 'close')
  let out = ''
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      const [, found] = /control plane at (https?:\S+),/.exec(out) ?? []
      if (found !== undefined && out.includes('Ctrl-C')) resolve(found)
    })
    void ended.then(() => reject(new Error(`flamectl up ended: ${err}`)))
  })
  const end = async (...signals: readonly NodeJS.Signals[]) => {
    for (const signal of signals) child.kill(signal)
    await ended
    return child.signalCode ?? child.exitCode
  }
  return {
    url,
    pid: child.pid ?? 0,
    out: () => out,
    command: (...args) => runCommand(['--endpoint', url, '--user', 'u', ...args]),
    end,
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  }
}

/** A command that runs in a terminal. */
export interface InTerminal {
  /** The terminal's output so far. */
  readonly shown: () => string
  /** Presses keys. */
  press(keys: string): void
  /** The command's exit status, once it has ended. */
  readonly ended: Promise<number | null>
}

const quoted = (word: string) => `'${word.replaceAll("'", String.raw`'\''`)}'`

/** Runs the built flamectl in a pseudo terminal of 140 columns, which \`script\` of util-linux makes. */
export function inTerminal(
  args: readonly string[],
  onShown: (shown: string, terminal: InTerminal) => void,
): InTerminal {
  const command = `stty cols 140 rows 30; exec ${[process.execPath, main, ...args].map(quoted).join(' ')}`
  const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
  let shown = ''
  const terminal: InTerminal = {
    shown: () => shown,
    press: (keys) => void child.stdin.write(keys),
    ended: new Promise((resolve, reject) => {
      child.on('error', (cause) => reject(new Error('install script, of util-linux', { cause })))
      child.on('close', resolve)
    }),
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    onShown(shown, terminal)
  })
  return terminal
}
