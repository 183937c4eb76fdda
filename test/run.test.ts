import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { weightsHash } from '../sdk/index.ts'
import { type FinishedRun, runFlamectl } from './flamectl-process.ts'

const small = 'rounds=2,clients=100,fraction=0.02'

async function folder(t: ExecutionContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'flame-run-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  return made
}

const hashes = (run: FinishedRun) => [...run.rounds.values()]

test.serial('MNIST gives the same hashes on one worker and on two, two-tier and hierarchical', async (t) => {
  const store = await folder(t)
  const run = (name: string, ...more: string[]) =>
    runFlamectl(['run', 'examples/mnist', '--json', '--store', join(store, name), ...more])
  const one = await run('one', '--workers', '1', '--set', small)
  const two = await run('two', '--workers', '2', '--set', small)
  const tree = await run('tree', '--workers', '2', '--set', small, '--set', 'topology=hierarchical')
  t.is(one.status, 0, one.err)
  t.is(one.rounds.size, 2)
  t.true((one.done?.accuracy ?? 0) > 0.2)
  t.deepEqual(hashes(two), hashes(one))
  t.deepEqual(hashes(tree), hashes(one))
})

test.serial('the model that a run leaves has the hash that it reported', async (t) => {
  const store = await folder(t)
  const run = await runFlamectl([
    'run',
    'examples/trivial',
    '--json',
    '--store',
    store,
    '--workers',
    '0',
    '--set',
    'clients=20,rounds=3',
  ])
  t.is(run.status, 0, run.err)
  const model = run.done?.model ?? ''
  const bytes = await readFile(join(model, 'weights.bin'))
  t.is(await weightsHash(new Float32Array(Uint8Array.from(bytes).buffer)), run.done?.hash ?? '')
  t.like(JSON.parse(await readFile(join(model, 'round.json'), 'utf8')), { round: 3, hash: run.done?.hash })
})

test.serial('SIGINT stops with how to resume, and the resumed run ends as an undisturbed one', async (t) => {
  const store = await folder(t)
  const args = ['run', 'examples/trivial', '--json', '--workers', '0', '--set', 'clients=500,rounds=300']
  const calm = await runFlamectl([...args, '--store', join(store, 'calm')])
  const stopped = await runFlamectl([...args, '--store', join(store, 'stopped')], { signalAtFirstLine: 'SIGINT' })
  t.is(stopped.status, 130)
  const said = /stopped after round (\d+); to go on: flamectl run examples\/trivial .*--resume/.exec(stopped.err)
  t.truthy(said, stopped.err)
  const resumed = await runFlamectl([...args, '--store', join(store, 'stopped'), '--resume'])
  t.is(resumed.status, 0, resumed.err)
  t.is(resumed.done?.hash, calm.done?.hash)
  // The resumed run first reports the last committed round once more, or the round whose model was being published at
  // the stop.
  const first = [...resumed.rounds.keys()][0] ?? 0
  const last = Number(said?.[1])
  t.true(first >= Math.max(1, last) && first <= last + 1, `stopped after ${last}, resumed at ${first}`)
  t.is(resumed.rounds.size, 301 - first)
})

test.serial('a reader that goes ends the run quietly, with the status of SIGPIPE', async (t) => {
  const args = ['run', 'examples/trivial', '--workers', '0', '--set', 'clients=10,rounds=100000']
  for (const more of [[], ['--json']]) {
    const run = await runFlamectl([...args, ...more, '--store', await folder(t)], { leaveAtFirstLine: true })
    t.is(run.status, 141)
    t.is(run.err, '')
  }
})

test.serial('another format than that for people is a run for programs, too', async (t) => {
  const args = ['run', 'examples/trivial', '--workers', '0', '--set', 'clients=10,rounds=2', '--store', await folder(t)]
  const json = await runFlamectl([...args, '--seed', '5', '-o', 'json'])
  t.is(json.rounds.size, 2, json.err)
  t.like(json.done, { job: 'trivial-1', seed: 5, settings: { clients: 10, rounds: 2 } })
  const name = await runFlamectl([...args, '--output', 'name'])
  t.is(name.out, 'trivial-2\n', name.err)
})

test.serial('a finished job that is resumed reports its end again', async (t) => {
  const args = [
    'run',
    'examples/trivial',
    '--json',
    '--workers',
    '0',
    '--set',
    'clients=10,rounds=2',
    '--store',
    await folder(t),
  ]
  const first = await runFlamectl(args)
  const again = await runFlamectl([...args, '--resume'])
  t.deepEqual(again.done, first.done)
})

const broken: readonly {
  readonly title: string
  readonly args: readonly string[]
  readonly code: string
  readonly status: number
}[] = [
  { title: 'no such folder', args: ['run', 'no/such/folder'], code: 'WORKLOAD_MISSING', status: 2 },
  {
    title: 'an unknown setting',
    args: ['run', 'examples/trivial', '--set', 'round=3'],
    code: 'WORKLOAD_SETTING',
    status: 2,
  },
  {
    title: 'a setting that is no pair',
    args: ['run', 'examples/trivial', '--set', 'rounds'],
    code: 'RUN_SETTING_SYNTAX',
    status: 2,
  },
  {
    title: 'an impossible fraction',
    args: ['run', 'examples/trivial', '--set', 'fraction=2'],
    code: 'WORKLOAD_VALUE',
    status: 2,
  },
  {
    title: 'more clients than any machine has room for',
    args: ['run', 'examples/trivial', '--set', 'clients=1e11'],
    code: 'WORKLOAD_VALUE: setting clients must be an integer from 1 to 1000000',
    status: 2,
  },
  {
    title: 'more clients than a job may have tasks',
    args: ['run', 'examples/trivial', '--set', 'clients=100001'],
    code: 'the job would have 100002 tasks: at most 100000 are allowed',
    status: 2,
  },
  {
    title: 'an unknown topology',
    args: ['run', 'examples/trivial', '--set', 'topology=star'],
    code: 'WORKLOAD_VALUE',
    status: 2,
  },
  {
    title: 'an unknown partition',
    args: ['run', 'examples/mnist', '--workers', '1', '--set', 'partition=odd'],
    code: 'DATA_',
    status: 2,
  },
  {
    title: 'more clients than examples',
    args: ['run', 'examples/mnist', '--workers', '1', '--set', 'clients=70000'],
    code: 'DATA_',
    status: 2,
  },
  {
    title: 'a seed that is no number',
    args: ['run', 'examples/trivial', '--seed', 'one'],
    code: 'RUN_OPTION',
    status: 2,
  },
  { title: 'an unknown option', args: ['run', 'examples/trivial', '--fast'], code: 'unknown option', status: 2 },
  { title: 'no workload', args: ['run'], code: 'missing required argument', status: 2 },
]

for (const { title, args, code, status } of broken) {
  test.serial(`${title} is one clear error and leaves nothing`, async (t) => {
    const store = join(await folder(t), 'store')
    const run = await runFlamectl([...args, '--store', store])
    t.is(run.status, status, run.err)
    t.true(run.err.includes(code), run.err)
    await t.throwsAsync(readdir(store), { code: 'ENOENT' })
  })
}

test.serial('a module that throws is named with its cause', async (t) => {
  const workload = await folder(t)
  await writeFile(join(workload, 'workload.js'), 'throw new Error("spilled coffee")')
  const run = await runFlamectl(['run', workload, '--store', join(workload, 'store')])
  t.is(run.status, 1)
  t.true(run.err.includes('WORKLOAD_BROKEN') && run.err.includes('spilled coffee'), run.err)
})

test.serial('what a role throws fails the job with its place, and nothing else is said', async (t) => {
  const workload = await folder(t)
  const trivial = new URL('../examples/trivial/workload.js', import.meta.url)
  await writeFile(
    join(workload, 'workload.mjs'),
    `import trivial from '${trivial.href}'
const evaluate = () => { throw new TypeError('spilled coffee') }
export default { ...trivial, name: 'thrower', learner: () => ({ ...trivial.learner(), evaluate }) }`,
  )
  const args = ['--workers', '0', '--set', 'rounds=1,clients=2', '--store', join(workload, 'store')]
  const run = await runFlamectl(['run', workload, ...args])
  t.is(run.status, 1)
  t.regex(run.err, /^error JOB_ROLE_FAILED: every top-aggregator failed.*spilled coffee\n.*\n {2}at .*workload\.mjs/)
})

test.serial('resuming with another setting is refused and changes nothing', async (t) => {
  const store = await folder(t)
  const args = ['run', 'examples/trivial', '--workers', '0', '--store', store]
  await runFlamectl([...args, '--set', 'clients=10,rounds=2'])
  const run = await runFlamectl([...args, '--set', 'clients=11', '--resume'])
  t.is(run.status, 2)
  t.true(run.err.includes('RUN_RESUME_DIFFERS'), run.err)
})

test.serial('a store folder that belongs to something else is refused and left as it is', async (t) => {
  const store = await folder(t)
  await mkdir(join(store, 'state'))
  await writeFile(join(store, 'state', 'thesis.tex'), 'precious')
  const run = await runFlamectl(['run', 'examples/trivial', '--workers', '0', '--set', 'clients=10', '--store', store])
  t.is(run.status, 1)
  t.true(run.err.includes('STORE_FOREIGN'), run.err)
  t.deepEqual(await readdir(join(store, 'state')), ['thesis.tex'])
})
