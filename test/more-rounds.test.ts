import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { fileRegistry } from '../sdk/node/index.ts'
import { runFlamectl } from './flamectl-process.ts'
import { driftingParts } from './support/stored-job.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const sdk = new URL('../sdk/index.js', import.meta.url).href

/** A workload whose server step has momentum, and whose clients are below two aggregators. */
const remembering = `
import { fedAvg, hierarchical, inMemoryExamples, workload } from '${sdk}'
export default workload({
  name: 'remembering',
  settings: { rounds: 3, clients: 6 },
  ${driftingParts}
  topology: ({ clients }) => hierarchical({ clients }),
  strategy: () => ({
    ...fedAvg({ fraction: 0.5 }),
    server: {
      init: ({ size }) => new Float32Array(size),
      step(weights, aggregate, momentum) {
        const mean = aggregate.mean()
        for (let i = 0; i < mean.length; i++) weights[i] += momentum[i] = 0.9 * momentum[i] + mean[i]
      },
    },
  }),
})
`

test('a finished job goes on with more rounds, to the same bits as if it had had them from the start', async (t) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'workload.mjs'), remembering)
  const run = (store: string, ...more: readonly string[]) =>
    runFlamectl(['run', folder.path, '--json', '--workers', '0', '--store', join(folder.path, store), ...more])
  const whole = await run('whole', '--set', 'rounds=9')
  t.is(whole.rounds.size, 9, whole.err)

  t.is((await run('parts')).done?.rounds, 3)
  for (const rounds of [6, 9]) {
    const more = await run('parts', '--resume', '--set', `rounds=${rounds}`)
    t.is(more.done?.rounds, rounds, more.err)
    t.deepEqual([...more.rounds.keys()], [rounds - 3, rounds - 2, rounds - 1, rounds])
    for (const [round, hash] of more.rounds) t.is(whole.rounds.get(round), hash)
  }
  t.like((await run('parts', '--resume')).done, { rounds: 9, hash: whole.done?.hash, job: 'remembering-1' })

  for (const other of [
    ['--set', 'rounds=12,clients=7'],
    ['--set', 'rounds=12', '--seed', '2'],
    ['--set', 'rounds=8'],
  ]) {
    const refused = await run('parts', '--resume', ...other)
    t.is(refused.status, 2)
    t.regex(refused.err, /RUN_RESUME_DIFFERS/)
  }
})

test('a job that was stopped takes more rounds, too', async (t) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'workload.mjs'), remembering)
  const store = join(folder.path, 'store')
  const args = ['run', folder.path, '--json', '--workers', '0', '--store', store]
  const stopped = await runFlamectl([...args, '--set', 'rounds=400'], { signalAtFirstLine: 'SIGINT' })
  t.is(stopped.status, 130, stopped.err)
  const resumed = await runFlamectl([...args, '--set', 'rounds=401', '--resume'])
  t.is(resumed.done?.rounds, 401, resumed.err)
  for (const [round, hash] of stopped.rounds) t.is(resumed.rounds.get(round) ?? hash, hash)
})

test('with --keep a run leaves the same models whenever it is killed, and each is whole', async (t) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'workload.mjs'), remembering.replace('{ first }', '{ loss: first }'))
  const args = ['run', folder.path, '--json', '--workers', '0', '--set', 'rounds=40', '--keep', 'best,2']
  const models = async (store: string) => {
    const registry = fileRegistry(join(folder.path, store, 'models'))
    const rounds = await registry.list('remembering-1')
    const hashes = await Promise.all(rounds.map(async (round) => (await registry.load('remembering-1', round)).hash))
    return { rounds, hashes, names: (await readdir(join(folder.path, store, 'models', 'remembering-1'))).toSorted() }
  }
  const calm = await runFlamectl([...args, '--store', join(folder.path, 'calm')])
  t.is(calm.status, 0, calm.err)
  const expected = await models('calm')
  t.deepEqual(expected.rounds.slice(-2), [39, 40])

  const onOther = [...args, '--store', join(folder.path, 'killed'), '--resume']
  for (let kill = 0; kill < 2; kill++) {
    const killed = await runFlamectl(onOther, { signalAtFirstLine: 'SIGKILL' })
    t.is(killed.signal, 'SIGKILL', killed.err)
  }
  const resumed = await runFlamectl(onOther)
  t.is(resumed.done?.hash, calm.done?.hash, resumed.err)
  t.deepEqual(await models('killed'), expected)

  const odd = await runFlamectl([...args.slice(0, -1), 'worst'])
  t.is(odd.status, 2)
  t.regex(odd.err, /RUN_OPTION: --keep expects all, or/)
})
