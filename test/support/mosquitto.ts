import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { endBy, portsOpen } from './listening-process.ts'

const run = promisify(execFile)
const installer = fileURLToPath(new URL('../../../scripts/server.js', import.meta.url))
const page = new URL('../../../docs/brokers.md', import.meta.url)

export interface MosquittoOptions {
  /** Users and their passwords. */
  readonly users: Readonly<Record<string, string>>
  /** Certificate and private key, PEM, of a listener for TLS. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Further lines of the configuration. */
  readonly lines?: readonly string[]
}

/** The broker Mosquitto, on a free port of this machine, as docs/brokers.md configures it. */
export interface Mosquitto extends AsyncDisposable {
  /** mqtt://127.0.0.1:port */
  readonly url: string
  /** mqtts://localhost:port, if there is a certificate. */
  readonly secureUrl: string
  readonly pid: number
  /** Ends the broker by SIGKILL, as a crash does. */
  kill(): Promise<void>
  /** Starts the broker again, on the same ports. */
  start(): Promise<void>
  /** Stops the broker's process, so that connections are half open, until it is continued. */
  pause(): void
  resume(): void
}

/** Brokers end with this process. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a broker. Fails with a hint where none can be installed. */
export async function mosquitto({ users, tls, lines = [] }: MosquittoOptions): Promise<Mosquitto> {
  const { broker, passwords } = await commands()
  const folder = await mkdtemp(join(tmpdir(), 'flame-mosquitto-'))
  const [port, securePort] = [await freePort(), await freePort()]
  const place = (name: string) => join(folder, name)
  const put = async (name: string, text: string) => {
    await writeFile(place(name), text, { mode: 0o600 })
    return place(name)
  }
  await put(
    'passwords',
    Object.entries(users)
      .map((pair) => `${pair.join(':')}\n`)
      .join(''),
  )
  await run(passwords[0] ?? '', [...passwords.slice(1), '-U', place('passwords')])
  await put('acl', await blockOf('acl'))
  const secured = tls && [
    `listener ${securePort} 127.0.0.1`,
    `certfile ${await put('cert.pem', tls.cert)}`,
    `keyfile ${await put('key.pem', tls.key)}`,
  ]
  const settings = (await blockOf('mosquitto.conf'))
    .replace(/^listener .*\n(?:(?:certfile|keyfile) .*\n)*/gm, '')
    .replaceAll('/etc/mosquitto/', `${folder}/`)
  // Run by root, the broker would become the user mosquitto, which a bare machine lacks.
  const user = process.getuid?.() === 0 ? ['user root'] : []
  await put('conf', [...user, settings, ...lines, `listener ${port} 127.0.0.1`, ...(secured ?? [])].join('\n'))
  let child: ChildProcess | undefined

  const server: Mosquitto = {
    url: `mqtt://127.0.0.1:${port}`,
    secureUrl: `mqtts://localhost:${securePort}`,
    get pid() {
      return child?.pid ?? 0
    },
    async kill() {
      const ending = child
      child = undefined
      if (ending) running.delete(ending)
      await endBy(ending, 'SIGKILL')
    },
    async start() {
      const [program = '', ...first] = broker
      child = spawn(program, [...first, '-c', place('conf')], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
      running.add(child)
      await portsOpen('Mosquitto', child, tls ? [port, securePort] : [port])
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await server.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

/** A block of the operators' page, which has the configuration as tested. */
async function blockOf(name: string): Promise<string> {
  const text = await readFile(page, 'utf8')
  const [, block] = new RegExp(`# /etc/mosquitto/${name}\\n(.*?)\`\`\``, 's').exec(text) ?? []
  if (block === undefined) throw new Error(`docs/brokers.md has no block with /etc/mosquitto/${name}`)
  return block
}

async function commands(): Promise<{ readonly broker: readonly string[]; readonly passwords: readonly string[] }> {
  const { stdout } = await run(process.execPath, [installer, 'mosquitto']).catch(({ stderr }: { stderr: string }) => {
    throw new Error(`this test needs the broker Mosquitto, which could not be installed: ${stderr.trim()}`)
  })
  return JSON.parse(stdout)
}
