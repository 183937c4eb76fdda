import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Ask,
  asking,
  type ControlPlaneMessage,
  type ControlPlaneParts,
  controlPlane,
  newIdAt,
  newTaskKey,
} from '../../actors/index.ts'
import type { Gate } from '../../api/auth/gate.ts'
import { portOf } from '../../api/http/rest-server.ts'
import { issueToken, type Scope, type ServerOptions, startServer, type TokenRequest } from '../../api/index.ts'
import { openLog } from '../../api/log.ts'
import { auditTrail } from '../../api/observe/audit-trail.ts'
import { serverMetrics } from '../../api/observe/metrics.ts'
import { operations } from '../../api/operations/operations.ts'
import { apiServer, type Limits } from '../../api/server.ts'
import { actorSystem, memoryStore, type Store } from '../../runtime/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface Heard {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

export interface ApiStage extends AsyncDisposable {
  readonly url: string
  /** Address of the server's MQTT broker, if it has one. */
  readonly broker: string
  /** Sends a value as JSON, or a form, and answers with the response; JSON is decoded. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Heard>
  /** Faults that the server logged. */
  readonly faults: readonly unknown[]
  /** Stops the server and starts another on the same store. */
  restart(): Promise<void>
}

export const storeKinds = ['memory', 'lmdb'] as const

/** Starts a server on loopback, with a store of its own. */
export async function apiStage(
  kind: (typeof storeKinds)[number],
  options: Partial<ServerOptions> = {},
): Promise<ApiStage> {
  const folder = await temporaryFolder()
  const faults: unknown[] = []
  const store = kind === 'memory' ? { type: kind } : { type: kind, folder: folder.path }
  const log = { level: 'error', to: { write: (line: string) => void faults.push(JSON.parse(line)) } } as const
  const start = () => startServer({ store, port: 0, log, ...options })
  let server = await start()
  return {
    get url() {
      return server.url
    },
    get broker() {
      return server.broker ?? ''
    },
    faults,
    call: callerOf(() => server.url),
    async restart() {
      await server.close()
      server = await start()
    },
    async [Symbol.asyncDispose]() {
      await server.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Makes calls of the server whose URL `url` gives at the time of the call. */
export function callerOf(url: () => string): ApiStage['call'] {
  return async (method, path, body, headers = {}) => {
    const isForm = body instanceof FormData
    const type = body === undefined || isForm ? {} : { 'content-type': 'application/json' }
    const response = await fetch(url() + path, {
      method,
      headers: { accept: 'application/problem+json', ...type, ...headers },
      ...(body === undefined ? {} : { body: isForm || typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const bytes = new Uint8Array(await response.arrayBuffer())
    const isJson = bytes.length > 0 && /json/.test(response.headers.get('content-type') ?? '')
    const heard: unknown = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : bytes
    return { status: response.status, body: heard, headers: response.headers }
  }
}

/** Makes a form with a code archive. */
export function codeForm(bytes: Uint8Array, fileName = 'code.zip'): FormData {
  const form = new FormData()
  form.set('fileName', fileName)
  form.set('fileData', new Blob([Uint8Array.from(bytes)]), fileName)
  return form
}

export interface Bearers extends AsyncDisposable {
  readonly keyFile: string
  /** Makes a header with a token. */
  of(user: string, scopes: readonly Scope[], change?: Partial<TokenRequest>): Promise<{ authorization: string }>
}

/** Issues tokens of a new key file. */
export async function bearers(): Promise<Bearers> {
  const folder = await temporaryFolder()
  const keyFile = join(folder.path, 'keys.json')
  return {
    keyFile,
    async of(user, scopes, change = {}) {
      return { authorization: `Bearer ${await issueToken({ keyFile, user, scopes, seconds: 3600, ...change })}` }
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

export interface PlaneStage extends AsyncDisposable {
  readonly url: string
  readonly store: Store
  readonly closing: AbortController
  /** Asks the server's actors. */
  readonly ask: Ask<ControlPlaneMessage>
}

export interface PlaneOptions {
  readonly heartbeatMs?: number
  readonly gate?: Gate
  readonly limits?: Partial<Limits>
}

/** Starts a server on loopback, and gives access to its parts. */
export async function planeStage({ heartbeatMs = 15_000, gate, limits = {} }: PlaneOptions = {}): Promise<PlaneStage> {
  const system = actorSystem()
  const store = memoryStore()
  const metrics = serverMetrics(system)
  const parts: ControlPlaneParts = {
    store,
    now: () => new Date().toISOString(),
    newId: () => newIdAt(Date.now()),
    newKey: newTaskKey,
    server: 'server',
    onRecorded: metrics.recorded,
    chooseDeployer: (_job, flamelets) => flamelets,
  }
  const ask = asking(system, system.spawn('control-plane', controlPlane(parts)), { timeoutMs: 60_000 })
  const closing = new AbortController()
  const log = openLog({ level: 'silent' })
  const server = apiServer({
    ask,
    trail: auditTrail(ask, log),
    operations,
    limits: {
      ...{ jsonBytes: 1024 * 1024, formBytes: 1024 * 1024, stallMs: 10_000 },
      ...{ requests: 1000, streams: 1000, polls: 1000, kept: 100, ofOne: 5000 },
      ...limits,
    },
    log,
    metrics,
    closing: closing.signal,
    heartbeatMs,
    gate,
    accounts: undefined,
    origins: [],
    hidden: [],
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    store,
    closing,
    ask,
    async [Symbol.asyncDispose]() {
      closing.abort()
      server.closeAllConnections()
      server.close()
      await system.terminate()
    },
  }
}

const program = fileURLToPath(new URL('api-process.js', import.meta.url))

/** A control plane in a process of its own; disposal kills it. */
export interface ControlServer extends AsyncDisposable {
  /** Resolves when the server listens; undefined if it was killed before. */
  readonly url: Promise<string | undefined>
  /** Kills the server by SIGKILL, and resolves when it has ended. */
  kill(): Promise<void>
}

/**
 * Starts a server on a store (a folder, or the URL of a database). It runs jobs itself, and stores their models in
 * `folder`.
 */
export function controlServer(store: string, folder: string): ControlServer {
  const child: ChildProcess = spawn(process.execPath, [program, store, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  const listening = once(child.stdout ?? child, 'data').then(([line]) => String(line).trim())
  return { url: Promise.race([listening, exited.then(() => undefined)]), kill, [Symbol.asyncDispose]: kill }
}
