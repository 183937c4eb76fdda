import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'

const startsWithinMs = 60_000
const lookEveryMs = 20

/** Waits until a server's process lets connections in at each port. Rejects with what it wrote if it ends before. */
export async function portsOpen(name: string, child: ChildProcess, ports: readonly number[]): Promise<void> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4000)
  })
  const until = performance.now() + startsWithinMs
  while (child.exitCode === null && child.signalCode === null && performance.now() < until) {
    const answers = await Promise.all(ports.map(accepts))
    if (answers.every(Boolean)) return
    await setTimeout(lookEveryMs)
  }
  child.kill('SIGKILL')
  throw new Error(`${name} did not start: ${said.trim()}`)
}

/** Sends a signal to a process that may have ended, and waits for its end. */
export async function endBy(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
