import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { runFlamectl } from './flamectl-process.ts'
import { runCommand } from './support/flamectl-up.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

test('check says what a workload has and what trains it', async (t) => {
  const { status, out, err } = await runFlamectl([
    'check',
    'examples/mnist',
    '--json',
    '--set',
    'clients=7,topology=hierarchical',
  ])
  t.is(status, 0, err)
  const found: unknown = JSON.parse(out)
  t.like(found, {
    workload: 'mnist',
    strategy: 'fedavg',
    clients: 7,
    weights: 199_210,
    tasks: { 'top-aggregator': 1, trainer: 7 },
    trainedBy: "the engine's WebAssembly kernels",
  })
})

test('the engine trains a recurrent layer over masked steps', async (t) => {
  const { out, err } = await runCommand(['check', 'examples/movement', '-o', 'json'])
  t.like(JSON.parse(out), { workload: 'movement', weights: 1_045, trainedBy: "the engine's WebAssembly kernels" }, err)
})

test('the format that all commands take is that of check and of token, too', async (t) => {
  const check = await runCommand(['check', 'examples/trivial', '-o', 'json', '--set', 'clients=3'])
  t.like(JSON.parse(check.out), { workload: 'trivial', clients: 3 }, check.err)
  await using folder = await temporaryFolder()
  const token = await runCommand(['token', 'alice', '-o', 'json', '--key-file', join(folder.path, 'keys.json')])
  t.like(JSON.parse(token.out), { user: 'alice', scopes: ['user'], seconds: 30 * 24 * 60 * 60 }, token.err)
})

test('check refuses what run would refuse, with the same status', async (t) => {
  const missing = await runFlamectl(['check', 'nowhere'])
  t.is(missing.status, 2)
  t.regex(missing.err, /WORKLOAD_MISSING/)
  const misused = await runFlamectl(['check', 'examples/mnist', '--set', 'fraction=2'])
  t.is(misused.status, 2)
  t.regex(misused.err, /WORKLOAD_VALUE/)
})

test('run --check names a selection, data and a topology that are others each time', async (t) => {
  const module = fileURLToPath(new URL('support/faulty.workload.js', import.meta.url))
  for (const [fault, found] of [
    ['random-selector', /ROLE_NOT_DETERMINISTIC.*top-aggregator-0.*choice of the selector of fedavg/],
    ['random-data', /WORKLOAD_NOT_REPRODUCIBLE.*: data/],
    ['random-topology', /WORKLOAD_NOT_REPRODUCIBLE.*: topology/],
  ] as const) {
    await using folder = await temporaryFolder()
    const set = `fault=${fault}`
    const options = ['--check', '--workers', '0', '--store', folder.path, '--set', set]
    const { status, err } = await runFlamectl(['run', module, ...options])
    t.is(status, 1, err)
    t.regex(err, found)
  }
})

test('check and run refuse an algorithm that the clients cannot give enough updates, before anything is written', async (t) => {
  await using folder = await temporaryFolder()
  const set = ['--set', 'clients=8,fraction=0.5', '--set', 'optimizer=krum,f=1']
  const run = ['run', 'examples/trivial', '--workers', '0', '--store', join(folder.path, 'store')]
  for (const command of [['check', 'examples/trivial'], run]) {
    const refused = await runFlamectl([...command, ...set])
    t.is(refused.status, 2, refused.err)
    t.regex(refused.err, /STRATEGY_CLIENTS: krum needs 5 updates a round, but selects 4 of 8 trainers\n.*fraction/)
  }
  t.deepEqual(await readdir(folder.path), [])
})
