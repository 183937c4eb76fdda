import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { installation } from '../../../sdk/node/index.ts'
import { controllerError } from '../errors.ts'
import { messagePipe } from './message-pipe.ts'
import { decodedFromProcess, type FromProcess, type ToProcess } from './protocol.ts'

/** The process of a job as the server has it. */
export interface JobProcess {
  send(message: ToProcess): void
  /** Ends it at once, whatever it does. */
  kill(): void
}

export interface JobProcessListener {
  /** JOB_PROCESS_MESSAGE if it's none. */
  heard(message: FromProcess | Error): void
  /** The process has ended, and all that it sent was heard. */
  ended(how: string): void
}

const program = fileURLToPath(new URL('node-job-host.js', import.meta.url))
/** What a process needs of the server's environment; keys and tokens may be in the rest. */
const environment = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'USERPROFILE']
/** What one process may ask for at once; it waits with more. */
const mostAsked = 256
/** Of its output, so much of the end is kept, which says why it ended. */
const keptOutput = 4096
/** Of all processes, the one that is ended first when memory is short (Linux). */
const mostEndable = '1000'

/** Whether Node can take rights from a process: from 22.13 on. */
export const canConfine = process.allowedNodeEnvironmentFlags.has('--permission')

/**
 * Node's options for a process that reads and writes these folders alone, and starts neither processes nor threads: a thread
 * could be given all rights. Reads this package and its dependencies, too. JOB_CONFINEMENT where Node can't.
 */
export function confinement({ reads, writes }: { reads: readonly string[]; writes: readonly string[] }): string[] {
  if (!canConfine) throw controllerError('JOB_CONFINEMENT', { version: process.version })
  const own = installation()
  const beside = basename(dirname(own)) === 'node_modules' ? dirname(own) : own
  const allowed = [beside, ...reads].map((folder) => `--allow-fs-read=${folder}`)
  return ['--permission', '--no-warnings', ...allowed, ...writes.map((folder) => `--allow-fs-write=${folder}`)]
}

/**
 * Starts a process that hosts a job: `node-job-host`, with nothing of the server's but what it's sent, and with these options
 * of Node's.
 */
export function startJobProcess(options: readonly string[], listener: JobProcessListener): JobProcess {
  const env = Object.fromEntries(environment.flatMap((name) => entryOf(name)))
  const child = spawn(process.execPath, [...options, program, String(process.pid)], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const output = tailOf(child)
  /** Of the process, to which no answer was sent so far. */
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
  // What can't be sent any more, and what can't be started: its end says so.
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
