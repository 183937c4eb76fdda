import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type FinishedRun, runFlamectl } from '../flamectl-process.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { mosquitto } from '../support/mosquitto.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/**
 * Program: runs a workload in one process, and with its tasks in processes over each transport and on each store, with the
 * real broker and database. Prints a line for each run. Exit status 1 if a round's hash differs from the run in one process.
 */
const { values } = parseArgs({
  options: {
    workload: { type: 'string', default: 'examples/mnist' },
    set: { type: 'string', default: 'rounds=3,fraction=0.02' },
    processes: { type: 'string', default: '8' },
    workers: { type: 'string', default: '1' },
    topologies: { type: 'string', default: 'two-tier,hierarchical' },
    transports: { type: 'string', default: 'ws,mqtt,mosquitto' },
    stores: { type: 'string', default: 'lmdb,mongodb' },
  },
})
const { set, processes, workers } = values
const names = (list: string) => list.split(',')
const [topologies, transports, stores] = [names(values.topologies), names(values.transports), names(values.stores)]
/** Absolute: each run has a working folder of its own, in which flamectl leaves the state of processes. */
const workload = fileURLToPath(new URL(values.workload, new URL('../../../', import.meta.url)))

await using folder = await temporaryFolder()
await using broker = transports.includes('mosquitto')
  ? await mosquitto({ users: { server: 'of-the-server' } })
  : undefined
await using database = stores.includes('mongodb') ? await mongodbServer() : undefined
const [brokerUrl, databaseUrl] = [broker?.url.replace('//', '//server:of-the-server@'), () => database?.url()]
let failures = 0

for (const topology of topologies) {
  const alone = await run(topology, 'one process', 'lmdb', [])
  for (const store of stores)
    for (const transport of transports) {
      const way = transport === 'mosquitto' ? (brokerUrl ?? '') : transport
      const hosts = ['--hosts', `processes:${processes}`, '--transport', way, '--workers', workers]
      await run(topology, transport, store, hosts, alone)
    }
}
process.exitCode = failures === 0 ? 0 : 1

async function run(
  topology: string,
  transport: string,
  store: string,
  hosts: readonly string[],
  alone?: FinishedRun,
): Promise<FinishedRun> {
  const cwd = join(folder.path, `${topology}-${transport}-${store}`.replace(' ', '-'))
  await mkdir(cwd)
  const place = store === 'mongodb' ? (databaseUrl() ?? '') : 'state'
  const given = ['--json', '--set', `${set},topology=${topology}`, '--store', place, '--models', 'models', ...hosts]
  const began = performance.now()
  const ended = await runFlamectl(['run', workload, ...given], { cwd })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const faults = ended.status === 0 ? differences(ended, alone) : [ended.err.trim() || `ended by ${ended.signal}`]
  failures += faults.length
  const hash = ended.done?.hash.slice(0, 12) ?? ''
  const found = faults.length > 0 ? faults.join('; ') : alone ? 'the same hashes' : 'to compare with'
  console.log(
    `${topology.padEnd(13)} ${transport.padEnd(12)} ${store.padEnd(8)} ${ended.rounds.size} rounds ${hash} ${seconds} s  ${found}`,
  )
  return ended
}

function differences({ rounds }: FinishedRun, alone?: FinishedRun): string[] {
  const expected = alone?.rounds ?? rounds
  const all = new Set([...expected.keys(), ...rounds.keys()])
  if (all.size === 0) return ['no round']
  return [...all]
    .filter((round) => rounds.get(round) !== expected.get(round))
    .map((round) => `round ${round}: ${rounds.get(round) ?? 'none'} instead of ${expected.get(round) ?? 'none'}`)
}
