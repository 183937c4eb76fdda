import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { endOf } from '../../../../runtime/node/index.ts'

/** A process of this machine that hosts tasks. */
export interface LocalProcess {
  readonly pid: number | undefined
  /** Has the process end in order, and ends it for good when the time is over. Resolves when it has ended. */
  close(): Promise<void>
}

/** Of this process's options of Node, those that its processes get: others, such as a program's text, are its own. */
const inherited = process.execArgv.filter((option) => /^--(max-|enable-source-maps)/.test(option))
const closeMs = 5000

/**
 * Starts a program that reads its setup as one line of its standard input. The program ends when its standard input is
 * closed, or when this process ends, whose id is the program's argument.
 */
export function startLocalProcess(program: URL, setup: object, ended: (how: string) => void): LocalProcess {
  const child = spawn(process.execPath, [...inherited, fileURLToPath(program), String(process.pid)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const over = endOf(child).then(ended)
  // The process may have ended already: its event `close` tells.
  child.stdin.on('error', () => {})
  child.stdin.write(`${JSON.stringify(setup)}\n`)
  return {
    pid: child.pid,
    async close() {
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), closeMs)
      await over
      clearTimeout(timer)
    },
  }
}
