import { type ChildProcess, spawn } from 'node:child_process'

/** Output and end of a child process. */
export interface EndedChild {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly lines: readonly string[]
  readonly err: string
}

/** Runs a program to its end. `onLine` is called with each line of standard output as it comes. */
export function runChild(
  command: string,
  args: readonly string[],
  onLine: (line: string, child: ChildProcess) => void = () => {},
  options: {
    readonly uid?: number
    readonly gid?: number
    readonly cwd?: string
    readonly env?: NodeJS.ProcessEnv
  } = {},
): Promise<EndedChild> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    const lines: string[] = []
    let rest = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        lines.push(line)
        onLine(line, child)
      }
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    child.on('error', reject)
    child.on('close', (status, signal) => resolve({ status, signal, lines, err }))
  })
}
