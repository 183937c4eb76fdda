import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { endOf } from '../../../runtime/node/index.ts'
import { installation } from '../../../sdk/node/index.ts'
import { controllerError } from '../errors.ts'

/** Environment variables that a process gets; the server's other variables may hold keys and tokens. */
const environment = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'USERPROFILE']
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
  const ended = endOf(child)
  if (process.platform === 'linux' && child.pid !== undefined)
    void writeFile(`/proc/${child.pid}/oom_score_adj`, mostEndable).catch(() => {})
  return { child, ended }
}

function entryOf(name: string): [string, string][] {
  const value = process.env[name]
  return value === undefined ? [] : [[name, value]]
}
