import { createInterface } from 'node:readline'
import { dialOf } from '../actors/index.ts'
import { endWithParent } from '../runtime/node/index.ts'
import { defaultCompute } from '../sdk/index.ts'
import { startFlamelet } from './flamelet.ts'
import type { LocalFlameletSetup } from './local-flamelet.ts'

/**
 * The program of a flamelet that a server has started on its own machine. It ends with the server, and keeps its tasks
 * for the server's next life. Signals of a terminal reach the server, too, which ends this process.
 */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

const lines = createInterface({ input: process.stdin })
lines.once('line', (line) => {
  const setup: LocalFlameletSetup = JSON.parse(line)
  Promise.all([endWithParent(Number(process.argv[2])), join(setup)]).catch(failed)
})
lines.once('close', () => process.exit())

async function join(setup: LocalFlameletSetup): Promise<void> {
  const { name, token, at, server, folder, isConfined, paths, reads } = setup
  const flamelet = await startFlamelet({
    url: at.url,
    dial: await dialOf(at, name, server),
    token,
    name,
    state: folder,
    compute: defaultCompute,
    datasets: 'any',
    paths,
    reads,
    trust: 'any',
    mostTasks: 100_000,
    isolation: isConfined ? 'process' : 'none',
    // A thread, so that the flamelet answers while it trains.
    workers: 1,
    roundLimitMs: 60 * 60_000,
    drainMs: 0,
    onNote: ({ code, message }) => console.error(`${code}: ${message}`),
    onState: () => {},
    now: () => new Date().toISOString(),
  })
  failed(await flamelet.ended)
}

function failed(cause: unknown): never {
  console.error(cause instanceof Error ? cause.message : cause)
  process.exit(1)
}
