import { join } from 'node:path'
import { issueToken, type Scope, type ServerOptions, startServer, type TokenRequest } from '../../api/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface Heard {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

export interface ApiStage extends AsyncDisposable {
  readonly url: string
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
