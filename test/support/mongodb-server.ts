import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { MongoClient } from 'mongodb'
import { freePort } from './free-port.ts'
import { endBy, portsOpen } from './listening-process.ts'

const installer = fileURLToPath(new URL('../../../scripts/server.js', import.meta.url))

/** A server that speaks MongoDB's wire protocol, on a free port of this machine, with its data in a folder of its own. */
export interface MongodbServer extends AsyncDisposable {
  readonly port: number
  readonly pid: number
  /** URL of a database. Default: a new database. */
  url(database?: string): string
  /** Ends the server by SIGKILL, as a crash does. */
  kill(): Promise<void>
  /** Ends the server in order. */
  stop(): Promise<void>
  /** Starts the server again, on the same port and data. */
  start(...options: readonly string[]): Promise<void>
}

/** Starts a server. Fails with a hint where none can be installed. */
export async function mongodbServer(...options: readonly string[]): Promise<MongodbServer> {
  const [program = '', ...first] = await command()
  const folder = await mkdtemp(join(tmpdir(), 'flame-mongodb-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  let databases = 0
  const endWithUs = () => void child?.kill('SIGKILL')
  process.once('exit', endWithUs)

  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    child = undefined
    await endBy(ending, signal)
  }
  const server: MongodbServer = {
    port,
    get pid() {
      return child?.pid ?? 0
    },
    url: (database = `flame-${++databases}`) => `mongodb://127.0.0.1:${port}/${database}?directConnection=true`,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async start(...more) {
      const location = ['--host', '127.0.0.1', '--port', String(port), '--storage-path', join(folder, 'data')]
      const durable = ['--sync-on-commit', '--cache-size', '256M', '--log-level', 'WARNING']
      child = spawn(program, [...first, ...location, ...durable, ...more], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      await portsOpen('the MongoDB server', child, [port])
    },
    async [Symbol.asyncDispose]() {
      await end('SIGKILL')
      process.removeListener('exit', endWithUs)
      await rm(folder, { recursive: true, force: true })
    },
  }
  await server.start(...options)
  return server
}

/** Removes a database. */
export async function dropDatabase(url: string): Promise<void> {
  const client = new MongoClient(url)
  try {
    await client.db().dropDatabase()
  } finally {
    await client.close()
  }
}

async function command(): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [installer, 'mongodb']).catch(
    ({ stderr }: { stderr: string }) => {
      throw new Error(`this test needs a MongoDB server, which could not be installed: ${stderr.trim()}`)
    },
  )
  const words: string[] = JSON.parse(stdout)
  return words
}

/** A proxy of a MongoDB server that loses answers to writes. */
export interface LossyProxy extends AsyncDisposable {
  readonly port: number
  /** Answers lost so far. */
  readonly lost: number
}

/** Beginnings of writing commands in a message: the type code of a string, then the command's name. */
const writes = ['insert', 'update', 'delete', 'findAndModify'].map((name) => Buffer.from(`\u0002${name}\0`))

/**
 * Passes all bytes to the server of a port and back. If `isLost` answers true for a write, the proxy breaks the
 * connection when the write's answer comes: then the write has taken effect.
 */
export async function lossyProxy(serverPort: number, isLost: () => boolean): Promise<LossyProxy> {
  let lost = 0
  const open = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1')
    let answerIsLost = false
    const end = () => {
      for (const socket of [client, server]) {
        open.delete(socket)
        socket.destroy()
      }
    }
    for (const socket of [client, server]) {
      open.add(socket)
      socket.on('error', end).on('close', end)
    }
    client.on('data', (bytes) => {
      if (writes.some((write) => bytes.includes(write)) && isLost()) answerIsLost = true
      server.write(bytes)
    })
    server.on('data', (bytes) => {
      if (!answerIsLost) return void client.write(bytes)
      lost += 1
      end()
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    get lost() {
      return lost
    },
    async [Symbol.asyncDispose]() {
      proxy.close()
      for (const socket of open) socket.destroy()
      await once(proxy, 'close')
    },
  }
}
