import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { installation } from '../../../sdk/node/index.ts'
import { controllerError } from '../errors.ts'
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
/** Environment variables that a process gets; the server's other variables may hold keys and tokens. */
const environment = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'USERPROFILE']
/** Most unanswered calls of one process; further calls wait in the pipe. */
const mostAsked = 256
/** Characters that are kept of the end of a process's output, which may say why the process ended. */
const keptOutput = 4096
/** Linux's `oom_score_adj` of a process that is killed before all others when memory is short. */
const mostEndable = '1000'

/** Whether this Node can restrict a process's rights: from 22.13 on. */
export const canConfine = process.allowedNodeEnvironmentFlags.has('--permission')

/**
 * Node's options for a process that may read and write these folders, and read this package and its dependencies. The
 * process may start neither processes nor threads, since a thread could be given all rights. JOB_CONFINEMENT where Node
 * can't restrict rights.
 */
export function confinement({ reads, writes }: { reads: readonly string[]; writes: readonly string[] }): string[] {
  if (!canConfine) throw controllerError('JOB_CONFINEMENT', { version: process.version })
  const own = installation()
  const beside = basename(dirname(own)) === 'node_modules' ? dirname(own) : own
  const allowed = [beside, ...reads].map((folder) => `--allow-fs-read=${folder}`)
  return ['--permission', '--no-warnings', ...allowed, ...writes.map((folder) => `--allow-fs-write=${folder}`)]
}

/**
 * Starts a process that hosts a job: the program `node-job-host`, with the given options of Node. The process gets
 * nothing of the server's but its messages and a few environment variables.
 */
export function startJobProcess(options: readonly string[], listener: JobProcessListener): JobProcess {
  const env = Object.fromEntries(environment.flatMap((name) => entryOf(name)))
  const child = spawn(process.execPath, [...options, program, String(process.pid)], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const output = tailOf(child)
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
  // Faults of sending and of starting are told by the event `close`.
  let fault: Error | undefined
  child.on('error', (cause) => {
    fault = cause
  })
  child.on('close', (status, signal) => {
    const how = signal ? `by ${signal}` : fault && child.pid === undefined ? fault.message : `with status ${status}`
    const last = output().trim().split('\n').slice(-5).join('\n')
    listener.ended(last === '' ? how : `${how}, having written: ${last}`)
  })
  if (process.platform === 'linux' && child.pid !== undefined)
    void writeFile(`/proc/${child.pid}/oom_score_adj`, mostEndable).catch(() => {})
  return {
    send(message) {
      if (message.type === 'answer') asked -= 1
      if (asked < mostAsked) pipe.resume()
      if (stream.writable) pipe.send(message)
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

function entryOf(name: string): [string, string][] {
  const value = process.env[name]
  return value === undefined ? [] : [[name, value]]
}

function tailOf({ stdout, stderr }: ChildProcess): () => string {
  let tail = ''
  for (const stream of [stdout, stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-keptOutput)
    })
  return () => tail
}
