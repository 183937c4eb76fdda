import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { runFlamectl } from './flamectl-process.ts'
import { mongodbServer } from './support/mongodb-server.ts'
import { mosquitto } from './support/mosquitto.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const workload = fileURLToPath(new URL('../../examples/trivial', import.meta.url))
const set = 'rounds=6,clients=9,fraction=0.7,topology=hierarchical'
const gossiping = 'rounds=6,clients=5,fraction=1,topology=gossip,graph=regular:2:each-round'
const run = (store: string, ...more: readonly string[]) => [
  ...['run', workload, '--json', '--set', set, '--workers', '0', '--store', store],
  ...more,
]

test.serial(
  'a run whose tasks are in processes is killed, stopped and resumed, with other numbers and transports, to the hashes of one process',
  async (t) => {
    await using folder = await temporaryFolder()
    const whole = await runFlamectl(run(join(folder.path, 'whole')))
    t.is(whole.status, 0, whole.err)
    const store = join(folder.path, 'spread')
    const killed = await runFlamectl(run(store, '--hosts', 'processes:3'), { signalAtFirstLine: 'SIGKILL' })
    t.is(killed.signal, 'SIGKILL')
    const stopped = await runFlamectl(run(store, '--hosts', 'processes:2', '--transport', 'mqtt', '--resume'), {
      signalAtFirstLine: 'SIGINT',
    })
    t.is(stopped.status, 130, stopped.err)
    t.regex(stopped.err + stopped.out, /--hosts processes:2 --transport mqtt/)
    const resumed = await runFlamectl(run(store, '--hosts', 'processes:3', '--resume'))
    t.is(resumed.status, 0, resumed.err)
    t.is(resumed.done?.rounds, 6)
    t.is(resumed.done?.hash, whole.done?.hash)
    for (const { rounds } of [killed, stopped, resumed])
      for (const [round, hash] of rounds) t.is(whole.rounds.get(round), hash, `round ${round}`)
  },
)

test.serial('so is a run of gossiping ends, to the models of each end and round', async (t) => {
  await using folder = await temporaryFolder()
  const gossips = (store: string, ...more: readonly string[]) => [
    ...run(join(folder.path, store), '--set', gossiping),
    ...more,
  ]
  const whole = await runFlamectl(gossips('whole'))
  t.is(whole.status, 0, whole.err)
  t.is(whole.models.size, 6 * 6)
  const killed = await runFlamectl(gossips('spread', '--hosts', 'processes:3'), { signalAtFirstLine: 'SIGKILL' })
  t.is(killed.signal, 'SIGKILL')
  const resumed = await runFlamectl(gossips('spread', '--hosts', 'processes:3', '--transport', 'mqtt', '--resume'))
  t.is(resumed.status, 0, resumed.err)
  for (const { models } of [killed, resumed])
    for (const [name, hash] of models) t.is(whole.models.get(name), hash, name)
  const reported = new Set([...killed.models.keys(), ...resumed.models.keys()])
  t.deepEqual([...reported].toSorted(), [...whole.models.keys()].toSorted())
})

test.serial('a run over a broker of its own, on a database, has the hashes of one process on a folder', async (t) => {
  await using folder = await temporaryFolder()
  await using broker = await mosquitto({ users: { server: 'of-the-server' } })
  await using database = await mongodbServer()
  const cwd = folder.path
  const whole = await runFlamectl(run('whole'), { cwd })
  t.is(whole.status, 0, whole.err)
  const way = broker.url.replace('//', '//server:of-the-server@')
  const spread = run(database.url(), '--models', 'models', '--hosts', 'processes:3', '--transport', way)
  const stopped = await runFlamectl(spread, { cwd, signalAtFirstLine: 'SIGKILL' })
  t.is(stopped.signal, 'SIGKILL', stopped.err)
  const resumed = await runFlamectl([...spread, '--resume'], { cwd })
  t.is(resumed.status, 0, resumed.err)
  t.is(resumed.done?.rounds, 6)
  t.is(resumed.done?.hash, whole.done?.hash)
  for (const { rounds } of [stopped, resumed])
    for (const [round, hash] of rounds) t.is(whole.rounds.get(round), hash, `round ${round}`)
})

test.serial(
  'parties in processes are killed and resumed, over WebSocket and MQTT, to the models of one process',
  async (t) => {
    await using folder = await temporaryFolder()
    const parties = (store: string, ...more: readonly string[]) => [
      ...['run', 'examples/vertical', '--json', '--set', 'rounds=6,heldOut=0', '--workers', '0'],
      ...['--store', join(folder.path, store), ...more],
    ]
    const whole = await runFlamectl(parties('whole'))
    t.is(whole.status, 0, whole.err)
    t.is(whole.models.size, 18)
    const spread = (...more: readonly string[]) => parties('spread', '--hosts', 'processes:3', ...more)
    const killed = await runFlamectl(spread(), { signalAtFirstLine: 'SIGKILL' })
    t.is(killed.signal, 'SIGKILL')
    const stopped = await runFlamectl(spread('--transport', 'mqtt', '--resume'), { signalAtFirstLine: 'SIGINT' })
    t.is(stopped.status, 130, stopped.err)
    const resumed = await runFlamectl(spread('--resume'))
    t.is(resumed.status, 0, resumed.err)
    const models = [killed, stopped, resumed].flatMap((run) => [...run.models])
    for (const [model, hash] of models)
      t.is<string | undefined, string | undefined>(hash, whole.models.get(model), model)
    const told = [...new Set(models.map(([model]) => model))].toSorted()
    t.deepEqual(told, [...whole.models.keys()].toSorted())
  },
)

test.serial('a number of hosts or a transport that is none is refused', async (t) => {
  await using folder = await temporaryFolder()
  for (const wrong of [
    ['--hosts', '8'],
    ['--hosts', 'processes:0'],
    ['--hosts', 'processes:2', '--transport', 'carrier-pigeon'],
    ['--transport', 'mqtt'],
  ]) {
    const { status, err } = await runFlamectl(run(folder.path, ...wrong))
    t.is(status, 2)
    t.regex(err, /RUN_OPTION/)
  }
})
