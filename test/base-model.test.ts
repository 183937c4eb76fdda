import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { baseModels } from '../actors/models/base-models.ts'
import { apiClient } from '../api/client/index.ts'
import { memoryStore } from '../runtime/index.ts'
import { type CommittedModel, memoryRegistry } from '../sdk/index.ts'
import { fileRegistry } from '../sdk/node/index.ts'
import { runFlamectl } from './flamectl-process.ts'
import { flamectlUp } from './support/flamectl-up.ts'
import { callsTo, reached, trivialJob } from './support/http-jobs.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const workload = new URL('./support/stepping.workload.js', import.meta.url)
const user = 'u'

/** A server with the ended job `first`, whose round r has weights of r, and the specification of a job that keeps its base. */
async function stage(rounds: number, registry?: { readonly sort: string; readonly keep: { readonly last: number } }) {
  const folder = await temporaryFolder()
  const up = await flamectlUp(folder.path)
  const call = callsTo(up.url)
  const client = apiClient({ endpoint: up.url })
  await trivialJob(call, { job: 'first', clients: 3, rounds, workload, hyperparameters: { step: 1 } })
  const spec = await client.getJob({ user, jobId: 'first' })
  if (registry) await client.updateJob({ user, jobId: 'first', body: { ...spec, registry } })
  const run = async (jobId: string, end = 'completed') => {
    await client.updateJobStatus({ user, jobId, body: { state: 'starting' } })
    await reached(call, `/users/u/jobs/${jobId}`, end)
  }
  await run('first')
  const second = (baseModel: { readonly name: string; readonly version?: number }, more: object = {}) => ({
    ...spec,
    id: 'second',
    modelSpec: { baseModel, hyperparameters: { rounds: 1, step: 0, ...more } },
  })
  const roundsOf = async (jobId: string) => (await client.getModels({ user, jobId })).map(({ round }) => round)
  return {
    ...{ folder: folder.path, up, client, spec: { ...spec, ...(registry && { registry }) }, run, second, roundsOf },
    async [Symbol.asyncDispose]() {
      await up[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

const hashes = (models: readonly Pick<CommittedModel, 'hash'>[]) => models.map(({ hash }) => hash)

test('a job begins with a round of another job, by its number or the last one, or with a folder', async (t) => {
  await using at = await stage(3)
  const { client, run, second, folder } = at
  const first = hashes(await client.getModels({ user, jobId: 'first' }))
  const files = join(folder, 'models', 'first', 'round-0001')
  for (const [baseModel, expected] of [
    [{ name: 'first', version: 2 }, first[1]],
    [{ name: 'first', version: 0 }, first[2]],
    [{ name: `files:${files}` }, first[0]],
  ] as const) {
    await client.createJob({ user, body: second(baseModel) })
    await run('second')
    t.deepEqual(hashes(await client.getModels({ user, jobId: 'second' })), [expected])
    await client.deleteJob({ user, jobId: 'second' })
  }
})

test('a base model that is not there, or whose server is away, is a fault of the job; one that does not fit fails it', async (t) => {
  await using at = await stage(1)
  const { client, run, second } = at
  const away = 'mlflow:http://127.0.0.1:1?model=m'
  for (const [baseModel, code] of [
    [{ name: 'none' }, 'JOB_NOT_FOUND'],
    [{ name: 'first', version: 7 }, 'ROUND_UNKNOWN'],
    [{ name: 'first/eu' }, 'ROUND_UNKNOWN'],
    [{ name: 'files:/none/here' }, 'WEIGHTS_FILE'],
    [{ name: 's3://' }, 'REGISTRY_ADDRESS'],
    [{ name: away }, 'REGISTRY_LOST'],
    [{ name: `${away}&version=1`, version: 2 }, 'BASE_MODEL_PLACE'],
  ] as const) {
    const error = await t.throwsAsync(client.createJob({ user, body: second(baseModel) }), { code: 'JOB_INVALID' })
    t.regex(String(error), new RegExp(`modelSpec.baseModel`), baseModel.name)
    t.true(JSON.stringify(error).includes(code), `${code}: ${JSON.stringify(error)}`)
  }
  await client.createJob({ user, body: second({ name: 'first' }, { size: 9 }) })
  await run('second', 'failed')
  const { cause } = await client.getJobStatus({ user, jobId: 'second' })
  t.is(cause?.code, 'WEIGHTS_MISMATCH')
  t.regex(cause?.message ?? '', /'weights' must have shape \[9\], but has \[8\]/)
})

test('retention keeps the model with which a job that has not ended begins, and nobody removes it', async (t) => {
  await using at = await stage(3, { sort: 'local', keep: { last: 2 } })
  const { client, spec, run, second, roundsOf } = at
  t.deepEqual(await roundsOf('first'), [2, 3])
  await client.createJob({ user, body: second({ name: 'first', version: 2 }) })
  const withRounds = (rounds: number) => ({
    ...spec,
    modelSpec: { ...spec.modelSpec, hyperparameters: { ...spec.modelSpec?.hyperparameters, rounds } },
  })
  await client.updateJob({ user, jobId: 'first', body: withRounds(5) })
  await run('first')
  t.deepEqual(await roundsOf('first'), [2, 4, 5])
  const of = { user, jobId: 'first' }
  await t.throwsAsync(client.deleteModel({ ...of, round: '2' }), { code: 'MODEL_NEEDED', message: /second/ })
  await t.throwsAsync(client.deleteModels(of), { code: 'MODEL_NEEDED' })
  await t.throwsAsync(client.deleteJob(of), { code: 'MODEL_NEEDED' })
  t.deepEqual(await roundsOf('first'), [2, 4, 5])
  await run('second')
  await client.updateJob({ ...of, body: withRounds(6) })
  await run('first')
  t.deepEqual(await roundsOf('first'), [5, 6])
})

test('the models of a removed job go with it, or stay, readable and counted for the user, until they are removed', async (t) => {
  await using at = await stage(2)
  const { client, run, roundsOf, folder, spec, up } = at
  const of = { user, jobId: 'first' }
  await run('first')
  const models = join(folder, 'models')
  t.deepEqual((await readdir(models)).toSorted(), ['first', 'first~2'])
  const none = async () => (await Promise.all((await readdir(models)).map((run) => readdir(join(models, run))))).flat()
  const removed = await up.command('remove', 'job', 'first', '--keep-models')
  t.is(removed.status, 0, removed.err)
  t.deepEqual(await roundsOf('first'), [1, 2])
  t.is((await client.getModel({ ...of, round: 'latest' })).fileName, 'first-round-0002.zip')
  t.is((await none()).length, 4)
  await t.throwsAsync(client.getModels({ user: 'other', jobId: 'first' }), { code: 'JOB_NOT_FOUND' })
  await client.deleteModel({ ...of, round: '1' })
  t.deepEqual(await roundsOf('first'), [2])
  await client.deleteModels(of)
  t.deepEqual(await none(), [])
  await t.throwsAsync(client.getModels(of), { code: 'JOB_NOT_FOUND' })
  await client.createJob({ user, body: spec })
  await run('first')
  t.is((await none()).length, 2)
  await client.deleteJob(of)
  t.deepEqual(await none(), [])
})

test('where callers are asked for tokens, jobs begin with models of their own jobs alone', async (t) => {
  const models = baseModels({
    store: memoryStore(),
    registryOf: async () => memoryRegistry(),
    environment: {},
    isFixed: true,
  })
  for (const name of ['files:/etc', 's3://models/a', 'mlflow:http://me:secret@h?model=a']) {
    const spec = { designId: 'd', modelSpec: { baseModel: { name } } }
    const error = await t.throwsAsync(models.find('u', spec), { code: 'BASE_MODEL_PLACE' })
    t.false(`${error?.message} ${JSON.stringify(error)}`.includes('secret'))
  }
  const registry = { sort: 'mlflow', uri: 'http://127.0.0.1:1' }
  const spec = { designId: 'd', registry, modelSpec: { baseModel: { name: 'a', version: 1 } } }
  await t.throwsAsync(models.find('u', spec), { code: 'JOB_NOT_FOUND' })
})

test('flamectl run begins with the model that --base-model names, also with its tasks in processes', async (t) => {
  await using folder = await temporaryFolder()
  const args = ['run', fileURLToPath(workload), '--json', '--workers', '0', '--store', join(folder.path, 'store')]
  const first = await runFlamectl([...args, '--set', 'rounds=2'])
  t.is(first.status, 0, first.err)
  const registry = fileRegistry(join(folder.path, 'store', 'models'))
  const base = (await registry.describe('stepping-1', 1)).location
  const still = [...args, '--base-model', base, '--set', 'rounds=1,step=0']
  for (const hosts of [[], ['--hosts', 'processes:2']]) {
    const run = await runFlamectl([...still, ...hosts])
    t.is(run.status, 0, run.err)
    t.is(run.done?.hash, first.rounds.get(1))
  }
  const differs = await runFlamectl([...args, '--base-model', 'elsewhere', '--resume'])
  t.regex(differs.err, /RUN_RESUME_DIFFERS: .*base-model/)
  const missing = await runFlamectl([...args, '--base-model', join(folder.path, 'none')])
  t.regex(missing.err, /JOB_INVALID: .*\n\s+modelSpec.baseModel: weights file .* cannot be read/)
})
