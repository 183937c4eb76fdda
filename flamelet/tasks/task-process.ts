import { readFile } from 'node:fs/promises'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { canConfine, confinement, startCodeProcess } from '../../actors/deployers/job-process/index.ts'
import type { Route } from '../../runtime/index.ts'
import { pipeRoute } from '../../runtime/link/pipe/index.ts'
import type { TaskSetup } from './task-protocol.ts'

/** A process that hosts one task. */
export interface TaskProcess {
  readonly pid: number | undefined
  /** The way to the process's node. */
  readonly route: Route
  /** How the process has ended. Never rejects. */
  readonly ended: Promise<string>
  /** Ends the process at once (SIGKILL). With a reason, `ended` tells the reason. */
  kill(reason?: string): void
}

export interface TaskLimits {
  /** Most memory of the process. Absent: unlimited. */
  readonly memoryBytes?: number | undefined
  /** Paths that the process may read, besides this package. Absent: the rights of this account. */
  readonly reads?: readonly string[] | undefined
}

const program = fileURLToPath(new URL('node-task-host.js', import.meta.url))
/** Memory of a process besides its heap of JavaScript: Node itself, typed arrays, WebAssembly. */
const besidesHeapBytes = 64 * 1024 * 1024
const lookEveryMs = 500

/** Starts a task's process, with the least rights that Node gives, where `reads` are named and Node can take rights. */
export function startTaskProcess(setup: TaskSetup, { memoryBytes, reads }: TaskLimits): TaskProcess {
  const rights = reads && canConfine ? confinement({ reads, writes: [] }) : []
  const heap = memoryBytes === undefined ? [] : [`--max-old-space-size=${heapMegabytes(memoryBytes)}`]
  const started = startCodeProcess([...rights, ...heap], program, [JSON.stringify(setup), String(process.pid)])
  const { child } = started
  const [, , , pipe] = child.stdio
  if (!(pipe instanceof Duplex)) throw new TypeError('a pipe goes both ways')
  let killedFor: string | undefined
  const kill = (reason?: string) => {
    killedFor ??= reason
    child.kill('SIGKILL')
  }
  const { pid } = child
  const looking =
    memoryBytes === undefined || pid === undefined
      ? undefined
      : setInterval(() => {
          void residentBytesOf(pid).then((used) => {
            if (used !== undefined && used > memoryBytes)
              kill(`using ${megabytes(used)} of at most ${megabytes(memoryBytes)}`)
          })
        }, lookEveryMs)
  return {
    pid,
    route: pipeRoute(pipe),
    ended: started.ended.then((how) => {
      clearInterval(looking)
      return killedFor ?? how
    }),
    kill,
  }
}

/** Node keeps its promise of a heap of this size; the resident memory is looked at besides. */
function heapMegabytes(memoryBytes: number): number {
  return Math.max(16, Math.floor((memoryBytes - besidesHeapBytes) / (1024 * 1024)))
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / (1024 * 1024))} MB`
}

/** Resident memory of a process, as Linux tells it. Undefined elsewhere, and for a process that has ended. */
export async function residentBytesOf(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? []
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}
