import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { operations, startServer } from '../../api/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { apiKey, makeThings, type Things } from './things.ts'

const project = fileURLToPath(new URL('../../../', import.meta.url))

export interface FuzzOptions {
  /** Most requests for each operation. */
  readonly examples: number
  readonly seed: number
  /** More arguments for schemathesis. */
  readonly more: readonly string[]
  /** Called with each line that schemathesis prints. */
  readonly print: (text: string) => void
}

/**
 * Lets schemathesis send generated requests to a server on lmdb; schemathesis knows only the served description. True
 * if no answer was 5xx or outside of the description, and the server has accepted and refused requests as the
 * description tells.
 */
export async function fuzz({ examples, seed, more, print }: FuzzOptions): Promise<boolean> {
  const [program = '', ...first] = await command()
  await using folder = await temporaryFolder()
  const faults: string[] = []
  const log = { level: 'error', to: { write: (line: string) => void faults.push(line) } } as const
  await using server = await startServer({ store: { type: 'lmdb', folder: folder.path }, port: 0, log })
  const things: Record<string, Things> = {}
  for (const { id } of operations) things[id] = await makeThings(server.url, id)
  const config = ['--config-file', `${project}test/fuzz/schemathesis.toml`]
  const options = [
    '--max-examples',
    String(examples),
    '--seed',
    String(seed),
    '--continue-on-failure',
    '--header',
    `X-API-KEY:${apiKey}`,
  ]
  const child = spawn(program, [...first, ...config, 'run', `${server.url}/openapi.json`, ...options, ...more], {
    // schemathesis leaves files in its working folder.
    cwd: folder.path,
    env: {
      ...process.env,
      FLAME_FUZZ_THINGS: JSON.stringify(things),
      SCHEMATHESIS_HOOKS: `${project}test/fuzz/hooks.py`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.setEncoding('utf8').on('data', print)
  const [status] = await once(child, 'close')
  for (const fault of faults) process.stderr.write(fault)
  return status === 0 && faults.length === 0
}

async function command(): Promise<string[]> {
  const installer = `${project}scripts/schemathesis.js`
  const { stdout } = await promisify(execFile)(process.execPath, [installer]).catch(
    ({ stderr }: { stderr: string }) => {
      throw new Error(`schemathesis could not be installed: ${stderr.trim()}`)
    },
  )
  const words: string[] = JSON.parse(stdout)
  return words
}
