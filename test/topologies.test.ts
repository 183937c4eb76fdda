import { join } from 'node:path'
import test from 'ava'
import { topologies } from '../sdk/index.ts'
import { recomputedHashes } from './chaos/recomputed.ts'
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

/** Topologies whose learners do more than that of the smallest example: workloads, and settings. */
const workloadOf: Readonly<Record<string, readonly [workload: string, set: string]>> = {
  split: ['test/support/drawn.workload.ts', 'clients=4,splitVersion=2'],
  vertical: ['examples/vertical', 'clients=3'],
}

for (const topology of Object.keys(topologies))
  test.serial(
    `${topology}: a job has the same models in one process, and in two over WebSocket and over MQTT`,
    async (t) => {
      await using folder = await temporaryFolder()
      const [workload, given] = workloadOf[topology] ?? ['examples/trivial', 'clients=4,fraction=1']
      const run = async (name: string, ...more: readonly string[]) => {
        const set = `rounds=${rounds},topology=${topology},${given}`
        const store = join(folder.path, name)
        const ended = await runFlamectl(['run', workload, '--json', '--set', set, '--store', store, ...more])
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

test.serial('ends that gossip in pairs each record their rounds, in one process and in two', async (t) => {
  await using folder = await temporaryFolder()
  for (const spread of [[], ['--hosts', 'processes:2'], ['--hosts', 'processes:2', '--transport', 'mqtt']]) {
    const set = 'rounds=3,clients=4,fraction=1,topology=gossip,graph=full,asynchronous=true'
    const store = join(folder.path, spread.join('-'))
    const run = await runFlamectl(['run', 'examples/trivial', '--json', '--set', set, '--store', store, ...spread])
    t.is(run.status, 0, run.err)
    const names = [1, 2, 3].flatMap((round) => [0, 1, 2, 3].map((client) => `trainer-${client} ${round}`))
    t.deepEqual([...run.models.keys()].toSorted(), ['consensus 3', ...names].toSorted())
  }
})

test.serial(
  'asynchronous aggregators that a coordinator grants ends to make the models of their arrivals',
  async (t) => {
    await using folder = await temporaryFolder()
    for (const spread of [[], ['--hosts', 'processes:2'], ['--hosts', 'processes:2', '--transport', 'mqtt']]) {
      const set = 'rounds=4,clients=5,topology=coordinated,optimizer=fedbuff,bufferSize=2,concurrency=2'
      const store = join(folder.path, spread.join('-'))
      const run = await runFlamectl(['run', 'examples/trivial', '--json', '--set', set, '--store', store, ...spread])
      t.is(run.status, 0, run.err)
      t.is(run.models.size, 4)
      t.deepEqual(await recomputedHashes('examples/trivial', set, join(store, 'models')), run.models)
    }
  },
)
