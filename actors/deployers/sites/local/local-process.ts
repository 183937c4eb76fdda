import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { GivenDatasets } from '../../../../sdk/index.ts'
import type { DialledAt } from './local-transport.ts'

/** All that a process of a run is told, as one line of its standard input. */
export interface LocalSiteSetup {
  /** Name of the process's node, and the number of this life. */
  readonly name: string
  readonly incarnation: number
  readonly token: string
  readonly at: DialledAt
  /** The node that started the process. */
  readonly parent: string
  /** Keeps the state of the process's tasks. */
  readonly folder: string
  /** The workload's file and its bundle, as URLs. */
  readonly module: string
  readonly bundle: string
  /** Threads that train. 0: the process's main thread. */
  readonly workers: number
  readonly check: boolean
  readonly paths?: GivenDatasets['paths']
}

export interface LocalProcess {
  readonly pid: number | undefined
  /** Has the process end in order, and ends it for good when the time is over. Resolves when it has ended. */
  close(): Promise<void>
}

/** Of this process's options of Node, those that its processes get: others, such as a program's text, are its own. */
const inherited = process.execArgv.filter((option) => /^--(max-|enable-source-maps)/.test(option))
const closeMs = 5000
/** Characters that are kept of the end of a process's output, which may say why the process ended. */
const keptOutput = 4096

/** Starts the program `node-local-site`. */
export function startLocalSite(setup: LocalSiteSetup, ended: (how: string) => void): LocalProcess {
  return startLocalProcess(new URL('node-local-site.js', import.meta.url), setup, ended)
}

/**
 * Starts a program that reads its setup as one line of its standard input. It lives as long as its standard input is
 * open, and no longer than this process, whose id is its argument.
 */
export function startLocalProcess(program: URL, setup: object, ended: (how: string) => void): LocalProcess {
  const child = spawn(process.execPath, [...inherited, fileURLToPath(program), String(process.pid)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const output = tailOf(child)
  let fault: Error | undefined
  child.on('error', (cause) => {
    fault = cause
  })
  const over = new Promise<void>((resolve) => {
    child.on('close', (status, signal) => {
      const how = signal ? `by ${signal}` : fault && child.pid === undefined ? fault.message : `with status ${status}`
      const last = output().trim().split('\n').slice(-5).join('\n')
      ended(last === '' ? how : `${how}, having written: ${last}`)
      resolve()
    })
  })
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

function tailOf({ stdout, stderr }: ChildProcess): () => string {
  let tail = ''
  for (const stream of [stdout, stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-keptOutput)
    })
  return () => tail
}
