import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A command that runs in a terminal. */
export interface InTerminal {
  /** The terminal's output so far. */
  readonly shown: () => string
  /** Presses keys. */
  press(keys: string): void
  /** The command's exit status, once it has ended. */
  readonly ended: Promise<number | null>
}

const main = fileURLToPath(new URL('../../flamectl/main.js', import.meta.url))
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
