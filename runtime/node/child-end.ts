import type { ChildProcess } from 'node:child_process'

/** Characters that are kept of the end of a process's output, which may say why the process ended. */
const keptOutput = 4096
const mostLines = 5

/**
 * Tells how a child process ends: its signal, its status, or why it couldn't be started, with the last lines that it
 * wrote. Reads its output, if that comes by pipes. Never rejects.
 */
export function endOf(child: ChildProcess): Promise<string> {
  let tail = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-keptOutput)
    })
  // Faults of sending and of starting are told by the event `close`.
  let fault: Error | undefined
  child.on('error', (cause) => {
    fault = cause
  })
  return new Promise((resolve) =>
    child.on('close', (status, signal) => {
      const how = signal ? `by ${signal}` : fault && child.pid === undefined ? fault.message : `with status ${status}`
      const last = tail.trim().split('\n').slice(-mostLines).join('\n')
      resolve(last === '' ? how : `${how}, having written: ${last}`)
    }),
  )
}
