import { join } from 'node:path'
import test from 'ava'
import { topologies } from '../sdk/index.ts'
import { type FinishedRun, runFlamectl } from './flamectl-process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** Hashes of the models that a run reported, by part and round. */
function modelsOf({ lines }: FinishedRun): readonly string[] {
  const found = lines.flatMap((line) => {
    const { part, round, hash } = Object(line)
    return round === undefined ? [] : [`${part} ${round} ${hash}`]
  })
  return [...new Set(found)].toSorted()
}

const rounds = 2

/** Models of a round, where it has several: of groups; or of the four ends, and their consensus. */
const partsOf: Readonly<Record<string, number>> = { parallel: 2, gossip: 5, vertical: 3 }

for (const topology of Object.keys(topologies))
  test.serial(
    `${topology}: a job has the same models in one process, and in two over WebSocket and over MQTT`,
    async (t) => {
      await using folder = await temporaryFolder()
      const [workload, clients] =
        topology === 'vertical' ? ['vertical', 'clients=3'] : ['trivial', 'clients=4,fraction=1']
      const run = async (name: string, ...more: readonly string[]) => {
        const set = `rounds=${rounds},${clients},topology=${topology}`
        const store = join(folder.path, name)
        const ended = await runFlamectl([
          'run',
          `examples/${workload}`,
          '--json',
          '--set',
          set,
          '--store',
          store,
          ...more,
        ])
        t.is(ended.status, 0, ended.err)
        return modelsOf(ended)
      }
      const alone = await run('alone', '--workers', '0')
      t.is(alone.length, rounds * (partsOf[topology] ?? 1))
      for (const transport of ['ws', 'mqtt'])
        t.deepEqual(
          await run(transport, '--workers', '1', '--hosts', 'processes:2', '--transport', transport),
          alone,
          transport,
        )
    },
  )
