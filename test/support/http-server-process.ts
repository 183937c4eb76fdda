import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

const installer = fileURLToPath(new URL('../../../scripts/server.js', import.meta.url))
const startsWithinMs = 120_000

/** A server that answers HTTP, on a free port of this machine, with its data in a folder of its own. */
export interface HttpServerProcess extends AsyncDisposable {
  /** http://127.0.0.1:port */
  readonly url: string
  readonly port: number
  readonly folder: string
  /** Ends the server by SIGKILL, as a crash does. */
  kill(): Promise<void>
  /** Starts the server again, on the same port and data. */
  start(): Promise<void>
}

export interface HttpServerProgram {
  /** The name by which `scripts/server.js` installs the program. */
  readonly name: string
  /** Arguments of the program, after those that the installer names. */
  arguments(place: { readonly port: number; readonly folder: string }): readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Path that is answered 200 when the server is ready. */
  readonly health: string
  /** Folders in the server's folder that must be there. */
  readonly folders: readonly string[]
  /** Size of a disk of the server's own, which is mounted at its folder, and lost when the server ends. */
  readonly diskMiB?: number | undefined
}

/** Process groups of servers: they end with this process. */
const running = new Set<number>()
process.once('exit', () => {
  for (const group of running) endGroup(group)
})

/** Starts a server. Fails with a hint where none can be installed. */
export async function httpServerProcess(program: HttpServerProgram): Promise<HttpServerProcess> {
  const { name, environment = {}, health, diskMiB } = program
  const words = await installed(name)
  const folder = await mkdtemp(join(tmpdir(), `flame-${name}-`))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined

  const server: HttpServerProcess = {
    url,
    port,
    folder,
    async kill() {
      const ending = child
      child = undefined
      if (ending?.pid === undefined) return
      const hasEnded = ending.exitCode !== null || ending.signalCode !== null
      const exited = hasEnded ? undefined : once(ending, 'exit')
      endGroup(ending.pid)
      running.delete(ending.pid)
      await exited
    },
    async start() {
      const folders = program.folders.map((one) => join(folder, one))
      for (const one of folders) await mkdir(one, { recursive: true })
      const plain = [...words, ...program.arguments({ port, folder })]
      const command = diskMiB === undefined ? plain : await onSmallDisk(diskMiB, folder, folders, plain)
      // A group of its own, since a server may have processes of its own. A pipe tells the group of the end of this process.
      const started = spawn('sh', ['-c', '(read -r _; kill -KILL 0) <&3 & exec "$@" 3<&-', 'sh', ...command], {
        cwd: folder,
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
        detached: true,
      })
      child = started
      if (started.pid !== undefined) running.add(started.pid)
      await ready(started, name, url + health)
    },
    async [Symbol.asyncDispose]() {
      await server.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    await server.start()
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
  return server
}

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // The group has ended.
  }
}

/** The command that runs a server of tests, which is installed if it is missing. */
export async function installed(name: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [installer, name]).catch(
    ({ stderr }: { stderr: string }) => {
      throw new Error(`this test needs the server ${name}, which could not be installed: ${stderr.trim()}`)
    },
  )
  return JSON.parse(stdout)
}

/** The command that runs another one with a small disk at a folder, which it alone sees: as root, or as one in a namespace. */
async function onSmallDisk(
  diskMiB: number,
  folder: string,
  folders: readonly string[],
  command: readonly string[],
): Promise<readonly string[]> {
  const mount = `mount -t tmpfs -o size=${diskMiB}m none`
  for (const options of [['--mount'], ['--user', '--map-root-user', '--mount']]) {
    const tried = await promisify(execFile)('unshare', [...options, 'sh', '-c', `${mount} "$0"`, folder]).catch(
      () => undefined,
    )
    const script = `${mount} "$0" && cd "$0" && mkdir -p "$0" ${folders.map((one) => `'${one}'`).join(' ')} && exec "$@"`
    if (tried) return ['unshare', ...options, 'sh', '-c', script, folder, ...command]
  }
  throw new Error(
    'this test fills a small disk, and needs the right to mount one: run it as root, or allow namespaces of users ' +
      '(sysctl kernel.unprivileged_userns_clone=1), with unshare of util-linux',
  )
}

async function ready(child: ChildProcess, name: string, url: string): Promise<void> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4000)
  })
  const until = performance.now() + startsWithinMs
  while (child.exitCode === null && child.signalCode === null && performance.now() < until) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return
    await setTimeout(25)
  }
  throw new Error(`the server ${name} did not start: ${said.trim()}`)
}
