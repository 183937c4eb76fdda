import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { runFlamectl } from './flamectl-process.ts'
import { mongodbServer } from './support/mongodb-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

test('a job that is killed and resumed on MongoDB ends with the hashes that it has on lmdb', async (t) => {
  await using server = await mongodbServer()
  await using folder = await temporaryFolder()
  const args = ['run', 'examples/trivial', '--json', '--workers', '0', '--set', 'clients=200,rounds=60']
  const calm = await runFlamectl([...args, '--store', join(folder.path, 'lmdb')])
  t.is(calm.status, 0, calm.err)

  const onMongodb = [...args, '--store', server.url('flame'), '--models', join(folder.path, 'models')]
  const killed = await runFlamectl(onMongodb, { signalAtFirstLine: 'SIGKILL' })
  t.is(killed.signal, 'SIGKILL', killed.err)
  t.true(killed.rounds.size < 60)
  const resumed = await runFlamectl([...onMongodb, '--resume'])
  t.is(resumed.status, 0, resumed.err)
  t.is(resumed.done?.hash, calm.done?.hash)
  for (const run of [killed, resumed]) for (const [round, hash] of run.rounds) t.is(calm.rounds.get(round), hash)
  t.deepEqual(new Set([...killed.rounds.keys(), ...resumed.rounds.keys()]), new Set(calm.rounds.keys()))
  t.true(resumed.done?.model.startsWith(join(folder.path, 'models')))
  t.true((await stat(resumed.done?.model ?? '')).isDirectory())
})

test('a database that cannot be used is one clear error, and leaves nothing', async (t) => {
  await using folder = await temporaryFolder()
  const run = (url: string) =>
    runFlamectl([
      'run',
      'examples/trivial',
      '--workers',
      '0',
      '--set',
      'clients=10',
      '--store',
      url,
      '--models',
      join(folder.path, 'models'),
    ])
  const nowhere = await run('mongodb://127.0.0.1:1/flame?serverSelectionTimeoutMS=100')
  t.is(nowhere.status, 1)
  t.regex(nowhere.err, /STORE_UNREACHABLE/)
  const nameless = await run('mongodb://127.0.0.1:1')
  t.is(nameless.status, 2)
  t.regex(nameless.err, /STORE_URL/)
  await t.throwsAsync(stat(join(folder.path, 'models')), { code: 'ENOENT' })
})
