import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Agent, type Dispatcher } from 'undici'
import { issueToken, type Scope } from '../../api/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

export interface Answered {
  readonly status: number
  readonly bytes: number
  readonly text: string
}

/** A control plane that asks for tokens, in a process of its own, with calls for an attacker and for other users. */
export interface Target extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** A header with a token of this user. */
  bearer(user: string, ...scopes: readonly Scope[]): Promise<{ readonly authorization: string }>
  send(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: string | Buffer,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answered>
  /** Opens a bare connection. */
  socket(): Promise<Socket>
  /** Resident bytes and open handles of the server's process, and bytes of its folder on disk. */
  figures(): Promise<Figures>
  /** The server's standard error, if the server has ended. */
  ended(): string | undefined
}

export interface Figures {
  readonly memoryBytes: number
  readonly handles: number
  readonly diskBytes: number
}

const main = fileURLToPath(new URL('../../flamectl/main.js', import.meta.url))

/** Starts `flamectl up --auth` on a folder of its own. Linux only: figures come from /proc. */
export async function openTarget(...more: readonly string[]): Promise<Target> {
  const folder = await temporaryFolder()
  const [store, keyFile] = [join(folder.path, 'store'), join(folder.path, 'keys.json')]
  const options = ['--port', '0', '--store', store, '--auth', '--no-in-process', '--key-file', keyFile]
  const child = spawn(process.execPath, [main, 'up', ...options, '--log-level', 'silent', ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const closed = once(child, 'close')
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      const [, found] = /control plane at (http:\S+),/.exec(out) ?? []
      if (found !== undefined) resolve(found)
    })
    void closed.then(() => reject(new Error(`flamectl up ended: ${err}`)))
  })
  const agent = new Agent({ connections: 128, headersTimeout: 120_000, bodyTimeout: 120_000 })
  const port = Number(new URL(url).port)
  return {
    url,
    port,
    bearer: async (user, ...scopes) => ({
      authorization: `Bearer ${await issueToken({ keyFile, user, scopes, seconds: 3600 })}`,
    }),
    async send(method, path, body, headers = {}) {
      const type = body === undefined ? {} : { 'content-type': 'application/json' }
      const accept = { accept: 'application/problem+json' }
      const options = { origin: url, method, path, headers: { ...accept, ...type, ...headers } }
      const answer = await agent.request(body === undefined ? options : { ...options, body })
      const text = await answer.body.text()
      return { status: answer.statusCode, bytes: Buffer.byteLength(text), text }
    },
    async socket() {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      return socket
    },
    async figures() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      const handles = await readdir(`/proc/${child.pid}/fd`)
      const memoryBytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
      return { memoryBytes, handles: handles.length, diskBytes: await bytesBelow(folder.path) }
    },
    ended: () => (child.exitCode === null && child.signalCode === null ? undefined : err),
    async [Symbol.asyncDispose]() {
      await agent.destroy()
      child.kill('SIGKILL')
      await closed
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Bytes that the files below a folder take on disk. */
async function bytesBelow(folder: string): Promise<number> {
  let sum = 0
  for (const entry of await readdir(folder, { recursive: true })) {
    const { blocks } = await stat(join(folder, entry))
    sum += blocks * 512
  }
  return sum
}
