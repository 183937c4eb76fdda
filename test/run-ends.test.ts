import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { collectionsOf } from '../actors/records/collections.ts'
import { apiClient } from '../api/client/index.ts'
import { exitStatusOf } from '../flamectl/exit.ts'
import { runOptions } from '../flamectl/run/run-options.ts'
import { REPORTER, runRoot } from '../flamectl/run/run-root.ts'
import { runWorkload } from '../flamectl/run/run-workload.ts'
import { lmdbStore } from '../runtime/durable/lmdb/index.ts'
import { CodedError } from '../runtime/index.ts'
import { runFlamectl } from './flamectl-process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/* Status 0 of `flamectl run` says that the job's result was told. */

const trivial = fileURLToPath(new URL('../../examples/trivial', import.meta.url))
const settings = ['--set', 'clients=10,rounds=3']

/**
 * Leaves a store as a process does that is killed between the writes of a job's start: the run has a name, and there is a
 * lease, and the job's record has neither.
 */
async function cutOffStartOf(job: string, store: string, { hasLease = false } = {}): Promise<void> {
  const state = await lmdbStore(join(store, 'state'))
  const { runs, leases } = collectionsOf(state)
  await runs.insert({ id: job, value: { last: 1 } })
  if (hasLease) await leases.insert({ id: `${job}/1`, value: { job, fence: 1, owner: 'killed', touched: 0 } })
  await state.close()
}

test('a job whose first start was cut off by a kill tells its end, and where its models are', async (t) => {
  await using folder = await temporaryFolder()
  const at = (name: string) => join(folder.path, name)
  const plain = ['run', trivial, '--json', '--workers', '0']
  const args = [...plain, ...settings]
  const calm = await runFlamectl([...args, '--store', at('calm')])
  await cutOffStartOf('trivial-1', at('cut'), { hasLease: true })
  const resumed = await runFlamectl([...args, '--store', at('cut'), '--resume'])
  t.is(resumed.status, 0, resumed.err)
  t.like(resumed.done, { rounds: 3, hash: calm.done?.hash, job: 'trivial-1' }, resumed.out)
  t.is(resumed.done?.model, at('cut/models/trivial-1~2/round-0003'))
  const again = await runFlamectl([...args, '--store', at('cut'), '--resume'])
  t.deepEqual(again.done, resumed.done, again.err)
  const more = await runFlamectl([...plain, '--set', 'clients=10,rounds=4', '--store', at('cut'), '--resume'])
  t.like(more.done, { rounds: 4, model: at('cut/models/trivial-1~2/round-0004') }, more.err)
  const people = await runFlamectl(['run', trivial, '--workers', '0', '--store', at('cut'), '--resume'])
  t.regex(people.out, /trivial-1: seed 1, going on after round 4;/, people.err)
})

test('a job whose first start was cut off by a kill says which models its registry lacks', async (t) => {
  await using folder = await temporaryFolder()
  await cutOffStartOf('trivial-1', folder.path)
  const away = ['--registry', 's3://models/away?endpoint=http://127.0.0.1:9', '--upload-wait', '0']
  const environment = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
  const args = ['run', trivial, '--json', '--workers', '0', ...settings, '--store', folder.path, ...away]
  for (const more of [[], ['--resume']]) {
    const run = await runFlamectl([...args, ...more], { environment })
    t.is(run.status, 5, run.err)
    t.regex(run.err, /RUN_BEHIND: .* does not have 3 models of job trivial-1 yet/)
  }
})

test('a completed job without a model in the registry is no success', async (t) => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'store')
  const args = ['run', trivial, '--json', '--workers', '0', ...settings, '--store', store]
  t.is((await runFlamectl(args)).status, 0)
  await rm(join(store, 'models'), { recursive: true })
  for (const [place, more] of [
    [join(store, 'models'), []],
    ['memory:', ['--registry', 'memory:']],
  ] as const) {
    const resumed = await runFlamectl([...args, ...more, '--resume'])
    t.is(resumed.status, 6, resumed.err)
    t.true(resumed.err.includes(`RUN_MODELS_MISSING: job trivial-1 has completed, and ${place} has no model of it`))
    t.regex(resumed.err, /--registry or --models/)
  }
})

for (const [what, code, reason] of [
  ['waits for a promise that nothing settles', 'await new Promise(() => {})', /nothing was left that could settle/],
  ['ends the process', 'process.exit(0)', /code called process\.exit/],
] as const)
  test(`a workload that ${what} is no success`, async (t) => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'workload.mjs'), `${code}\nexport default undefined\n`)
    const run = await runFlamectl(['run', folder.path, '--json', '--store', join(folder.path, 'store')])
    t.is(run.status, 13, run.err)
    t.regex(run.err, /error UNFINISHED: the process ended before the command was over/)
    t.regex(run.err, reason)
    t.regex(run.err, /--resume/)
  })

test.serial('a job that another client stops is no success', async (t) => {
  await using folder = await temporaryFolder()
  const ask = globalThis.fetch
  let endpoint = ''
  globalThis.fetch = (input, init) => {
    if (endpoint === '') endpoint = new URL(input instanceof Request ? input.url : input).origin
    return ask(input, init)
  }
  t.teardown(() => {
    globalThis.fetch = ask
  })
  const options = runOptions(trivial, { set: ['clients=10,rounds=100000'], workers: '0', store: folder.path })
  let isAsked = false
  const scope = runRoot(options)
  const nothing = () => {}
  scope.register(REPORTER, {
    useValue: {
      ...{ started: nothing, notice: nothing, log: nothing, done: nothing, stopped: nothing, close: nothing },
      round() {
        if (isAsked) return
        isAsked = true
        void apiClient({ endpoint }).updateJobStatus({
          user: 'someone',
          jobId: 'trivial-1',
          body: { state: 'stopping' },
        })
      },
    },
  })
  const run = runWorkload(options, 'someone', 'flamectl run --resume', new AbortController().signal, scope)
  const error = await t.throwsAsync(run, { instanceOf: CodedError, code: 'RUN_STOPPED' })
  t.regex(error?.message ?? '', /trivial-1 was stopped by another client, after round \d+/)
  if (error) t.is(exitStatusOf(error), 7)
})
