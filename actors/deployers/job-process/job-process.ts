import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { startCodeProcess } from './code-process.ts'
import { messagePipe } from './message-pipe.ts'
import { decodedFromProcess, type FromProcess, type ToProcess } from './protocol.ts'

/** The server's side of a job's process. */
export interface JobProcess {
  send(message: ToProcess): void
  /** Ends the process at once (SIGKILL). */
  kill(): void
}

export interface JobProcessListener {
  /** A message of the process, or the error JOB_PROCESS_MESSAGE if a message can't be read. */
  heard(message: FromProcess | Error): void
  /** The process has ended, and all its messages were heard. */
  ended(how: string): void
}

const program = fileURLToPath(new URL('node-job-host.js', import.meta.url))
/** Most unanswered calls of one process; further calls wait in the pipe. */
const mostAsked = 256

/**
 * Starts a process that hosts a job: the program `node-job-host`, with the given options of Node. The process gets
 * nothing of the server's but its messages and a few environment variables.
 */
export function startJobProcess(options: readonly string[], listener: JobProcessListener): JobProcess {
  const { child, ended } = startCodeProcess(options, program, [String(process.pid)])
  /** Calls of the process without an answer so far. */
  let asked = 0
  const [, , , stream] = child.stdio
  if (!(stream instanceof Duplex)) throw new TypeError('a pipe goes both ways')
  const pipe = messagePipe<unknown>(stream, {
    heard(value) {
      const message = decodedFromProcess(value)
      if ('call' in message && message.call !== undefined) asked += 1
      if (asked >= mostAsked) pipe.pause()
      listener.heard(message)
    },
    broken: (cause) => listener.heard(cause),
  })
  void ended.then((how) => listener.ended(how))
  return {
    send(message) {
      if (message.type === 'answer') asked -= 1
      if (asked < mostAsked) pipe.resume()
      if (stream.writable) pipe.send(message)
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
