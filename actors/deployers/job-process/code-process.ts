import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { installation } from '../../../sdk/node/index.ts'
import { controllerError } from '../errors.ts'

/** Environment variables that a process gets; the server's other variables may hold keys and tokens. */
const environment = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'USERPROFILE']
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

/** A process that runs code of a job. */
export interface CodeProcess {
  readonly child: ChildProcess
  /** How the process has ended, with the last lines that it wrote. Never rejects. */
  readonly ended: Promise<string>
}

/**
 * Starts a program in a process with a pipe at file descriptor 3. The process gets nothing of this process's but a few
 * environment variables, and is the first to go when memory is short.
 */
export function startCodeProcess(options: readonly string[], program: string, args: readonly string[]): CodeProcess {
  const env = Object.fromEntries(environment.flatMap((name) => entryOf(name)))
  const child = spawn(process.execPath, [...options, program, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const output = tailOf(child)
  // Faults of sending and of starting are told by the event `close`.
  let fault: Error | undefined
  child.on('error', (cause) => {
    fault = cause
  })
  const ended = new Promise<string>((resolve) =>
    child.on('close', (status, signal) => {
      const how = signal ? `by ${signal}` : fault && child.pid === undefined ? fault.message : `with status ${status}`
      const last = output().trim().split('\n').slice(-5).join('\n')
      resolve(last === '' ? how : `${how}, having written: ${last}`)
    }),
  )
  if (process.platform === 'linux' && child.pid !== undefined)
    void writeFile(`/proc/${child.pid}/oom_score_adj`, mostEndable).catch(() => {})
  return { child, ended }
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
