import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { zipOf } from '../../flamectl/files/archives.ts'
import { type PublicKeyText, signatureFile, signedCode } from '../../flamelet/code/index.ts'
import { keyFolder } from '../../flamelet/code/keys.ts'
import { makeFolder } from '../../runtime/node/index.ts'
import { runJob } from '../../simulations/index.ts'
import { certificateAuthority } from './certificates.ts'
import type { FlameletServerSetup } from './flamelet-server-process.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { wardFiles } from './ward-files.ts'

const serverProgram = fileURLToPath(new URL('flamelet-server-process.js', import.meta.url))
const flameletProgram = fileURLToPath(new URL('../../flamectl/flamelet-main.js', import.meta.url))
/** The compiled module, for this process; the source is what a design's code holds. */
const compiled = new URL('wards.workload.js', import.meta.url)
const source = new URL('../../../test/support/wards.workload.ts', import.meta.url)

/** A line that a server tells. */
export interface ServerLine {
  readonly type: string
  readonly [field: string]: unknown
}

/** A process of the stage, with all lines of JSON, or of text, that it has written. */
export interface StageProcess {
  readonly child: ChildProcess
  readonly lines: readonly ServerLine[]
  readonly out: () => string
  readonly err: () => string
  /** Waits for a line, from those that were written before on. Rejects if the process ends without it. */
  line(fits: (line: ServerLine) => boolean, what?: string): Promise<ServerLine>
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>
  readonly ended: Promise<unknown>
}

export interface JoinOptions {
  readonly name: string
  /** Names of the datasets of this device. */
  readonly data?: readonly string[]
  readonly args?: readonly string[]
  /** Default: the key that signed the code. */
  readonly trust?: readonly PublicKeyText[]
  /** Path of Node's program. */
  readonly node?: string
  readonly token?: string
}

const token = 'a-token-of-the-stage'

/** A server with one job of the workload `wards`, to which flamelets join over WebSocket: all are processes. */
export async function flameletStage({
  clients = 2,
  rounds = 3,
  pauseMs = 0,
  sign = true,
  tamper = (_files: Map<string, Uint8Array>) => {},
  days = 1,
  code = undefined as string | undefined,
  tls = false,
} = {}) {
  const folder = await temporaryFolder()
  const paths = await wardFiles(folder.path, clients)
  const key = await keyFolder(join(folder.path, 'keys')).create('author')
  const settings = { rounds, clients, pauseMs }
  const text = code ?? (await readFile(source, 'utf8'))
  const files = new Map([['trainer/workload.ts', new TextEncoder().encode(text)]])
  if (sign) {
    const now = Date.now()
    const about = { name: 'wards', signedAt: new Date(now - 1).toISOString() }
    const expiresAt = new Date(now + days * 24 * 60 * 60 * 1000).toISOString()
    files.set(signatureFile, signedCode(files, key, { ...about, expiresAt }))
  }
  tamper(files)
  const archive = join(folder.path, 'code.zip')
  await writeFile(archive, await zipOf(files))
  const authority = tls ? await certificateAuthority('an authority of our own') : undefined
  const certificate = await authority?.server()
  const ca = join(folder.path, 'ca.pem')
  if (authority) await writeFile(ca, authority.cert)
  const serverFolder = join(folder.path, 'server')
  await makeFolder(serverFolder)
  const processes: StageProcess[] = []
  let port = 0
  let server = await startServer()

  async function startServer(): Promise<StageProcess> {
    const setup: FlameletServerSetup = {
      folder: serverFolder,
      port,
      token,
      workload: fileURLToPath(compiled),
      settings,
      paths: { test: paths.test ?? '' },
      archive,
      ...(certificate && { tls: certificate }),
    }
    const started = startProcess(process.execPath, [serverProgram, JSON.stringify(setup)])
    processes.push(started)
    const listening = await started.line(({ type }) => type === 'listening')
    port = Number(listening.port)
    return started
  }

  return {
    folder: folder.path,
    ca,
    key: key.publicKey,
    paths,
    get server() {
      return server
    },
    stateOf: (name: string) => join(folder.path, 'flamelets', name),
    /** Starts a flamelet as a person does. */
    join({
      name,
      data = [],
      args = [],
      trust = [key.publicKey],
      node = process.execPath,
      token: own = token,
    }: JoinOptions): StageProcess {
      const given = data.map((dataset) => `${dataset}=${paths[dataset]}`)
      const started = startProcess(
        node,
        [
          ...[flameletProgram, 'join', `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, '--name', name, '-o', 'json'],
          ...['--state', join(folder.path, 'flamelets', name)],
          ...(given.length > 0 ? ['--data', ...given] : []),
          ...(trust.length > 0 ? ['--trust', ...trust] : []),
          ...args,
        ],
        { FLAME_TOKEN: own },
      )
      processes.push(started)
      return started
    },
    /** Kills the server, and starts it again at the same port. */
    async killServer(): Promise<void> {
      await server.end('SIGKILL')
      server = await startServer()
    },
    /** Hashes of all rounds, once the job has ended. */
    async hashes(): Promise<string[]> {
      await server.line(({ type }) => type === 'ended', 'the end of the job')
      const hashes: string[] = []
      for (const { lines } of processes)
        for (const { type, round, hash } of lines) if (type === 'round') hashes[Number(round) - 1] = String(hash)
      return hashes
    },
    /** Hashes of the same job in one process. */
    async inOneProcess(): Promise<string[]> {
      const run = await runJob(compiled, { settings, seed: 5, workers: 0, data: paths })
      const { state, cause, history } = await run.result
      if (state !== 'completed') throw new Error('the job failed', { cause })
      return history.map(({ hash }) => hash)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map(({ end }) => end('SIGKILL')))
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Starts a process that writes lines of JSON. */
export function startProcess(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): StageProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const lines: ServerLine[] = []
  const waiting = new Set<() => void>()
  let out = ''
  let rest = ''
  let err = ''
  let isOver = false
  const ended = once(child, 'close').then(() => {
    isOver = true
    for (const look of waiting) look()
  })
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    err += part
  })
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    out += part
    const parts = (rest + part).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) lines.push(/^\{.*\}$/.test(line) ? JSON.parse(line) : { type: 'text', text: line })
    for (const look of waiting) look()
  })
  return {
    child,
    lines,
    out: () => out,
    err: () => err,
    ended,
    line(fits, what = 'a line') {
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find(fits)
          if (!found && !isOver) return
          waiting.delete(look)
          if (found) resolve(found)
          else reject(new Error(`the process ended without ${what}: ${err}\n${JSON.stringify(lines.slice(-20))}`))
        }
        waiting.add(look)
        look()
      })
    },
    async end(signal = 'SIGTERM') {
      if (!isOver) child.kill(signal)
      await ended
      return child.signalCode ?? child.exitCode
    },
  }
}

/** Whether a process runs, or soon does no more. One that has ended, and that its parent hasn't looked at, doesn't. */
export async function staysRunning(pid: number): Promise<boolean> {
  for (let look = 0; look < 100; look++) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (text === '' || text.slice(text.lastIndexOf(')') + 2).startsWith('Z')) return false
    await delay(50)
  }
  return true
}
