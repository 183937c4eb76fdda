import { join } from 'node:path'
import test from 'ava'
import { apiClient } from '../api/client/index.ts'
import { fileRegistry } from '../sdk/node/index.ts'
import { remoteRegistry } from '../sdk/registry/node-remote-registry.ts'
import { upUnder } from './support/flamectl-up.ts'
import { callsTo, reached, trivialJob } from './support/http-jobs.ts'
import { type S3Server, s3Key, s3Server } from './support/s3-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const env = { AWS_ACCESS_KEY_ID: s3Key.accessKeyId, AWS_SECRET_ACCESS_KEY: s3Key.secretAccessKey }
const addressAt = ({ url }: S3Server, prefix: string) => `s3://models/${prefix}?endpoint=${encodeURIComponent(url)}`
const jobId = 'small'
const of = { user: 'u', jobId }

test('a job whose registry is away says how far it is behind, and is completed once all is there, by another life of the server', async (t) => {
  await using server = await s3Server()
  await using folder = await temporaryFolder()
  const address = addressAt(server, 'up')
  const start = () => upUnder({ env }, folder.path, '--registry', address, '--keep', 'last=2')
  await server.kill()
  const first = await start()
  const job = await trivialJob(callsTo(first.url), { job: jobId, clients: 3, rounds: 4 })
  await callsTo(first.url)('PUT', `${job}/status`, { state: 'starting' })
  const client = apiClient({ endpoint: first.url })
  let status = await client.getJobStatus(of)
  while (!(status.modelsBehind?.rounds === 4 && status.modelsBehind.error)) status = await client.getJobStatus(of)
  t.is(status.modelsBehind.error.code, 'REGISTRY_LOST')
  const metrics = await (await fetch(`${first.url}/metrics`)).text()
  t.true(metrics.includes(`flame_registry_behind_models{registry="${address}"} 4`), metrics)
  t.is(status.state, 'running')
  const codes: string[] = []
  for await (const { event } of await client.getJobEvents({ ...of, query: { follow: false } }))
    if (event.type === 'notice') codes.push(event.code)
  t.deepEqual(codes, ['REGISTRY_LOST'])
  t.is((await client.getModel({ ...of, round: '4' })).fileName, 'small-round-0004.zip')
  t.regex((await first.command('--user', 'u', 'get', 'models', jobId)).err, /REGISTRY_LOST: the registry of the models/)
  await first.end('SIGKILL')

  await using second = await start()
  await server.start()
  await reached(callsTo(second.url), job, 'completed')
  const registry = await remoteRegistry(address, env)
  t.deepEqual(await registry.list(jobId), [3, 4])
  const models = await apiClient({ endpoint: second.url }).getModels(of)
  t.deepEqual(
    models.map(({ round, hash }) => [round, hash]),
    await Promise.all([3, 4].map(async (round) => [round, (await registry.load(jobId, round)).hash])),
  )
  t.is((await apiClient({ endpoint: second.url }).getJobStatus(of)).modelsBehind, undefined)
})

test('a job names its own registry and the rounds that stay there; local and dummy are the files of the server', async (t) => {
  await using server = await s3Server()
  await using folder = await temporaryFolder()
  await using up = await upUnder({ env }, folder.path)
  const call = callsTo(up.url)
  const client = apiClient({ endpoint: up.url })
  await trivialJob(call, { job: jobId, clients: 3, rounds: 4 })
  const spec = await client.getJob(of)
  const run = async (registry: NonNullable<typeof spec.registry>) => {
    await client.updateJob({ ...of, body: { ...spec, registry } })
    await client.updateJobStatus({ ...of, body: { state: 'starting' } })
    await reached(call, `/users/u/jobs/${jobId}`, 'completed')
    return client.getModels(of)
  }
  const uri = addressAt(server, 'own')
  const models = await run({ sort: 's3', uri, keep: { last: 1, every: 2 } })
  t.deepEqual(
    models.map(({ round }) => round),
    [2, 4],
  )
  t.deepEqual(await (await remoteRegistry(uri, env)).list(jobId), [2, 4])
  t.deepEqual(await fileRegistry(join(folder.path, 'models')).list(jobId), [])

  const kept = await run({ sort: 'local', uri: '', keep: { last: 2 } })
  t.deepEqual(
    kept.map(({ round }) => round),
    [3, 4],
  )
  const [file] = await fileRegistry(join(folder.path, 'models')).jobs()
  t.regex(file ?? '', /^small~/)

  for (const registry of [
    { sort: 's3', uri: 's3://' },
    { sort: 'mlflow', uri: 'http://me:secret@host' },
  ]) {
    const refused = await t.throwsAsync(client.updateJob({ ...of, body: { ...spec, registry } }), {
      code: 'JOB_INVALID',
    })
    t.regex(String(refused), /registry: the address of the registry is refused/)
    t.false(String(refused).includes('secret'))
  }
})

test('a job whose models reach the bound of the spool waits, says so, and goes on when the registry is back', async (t) => {
  await using server = await s3Server()
  await using folder = await temporaryFolder()
  const address = addressAt(server, 'bounded')
  await using up = await upUnder({ env }, folder.path, '--registry', address, '--spool-models', '2')
  const call = callsTo(up.url)
  const client = apiClient({ endpoint: up.url })
  await server.kill()
  const job = await trivialJob(call, { job: jobId, clients: 3, rounds: 5 })
  await call('PUT', `${job}/status`, { state: 'starting' })
  const codes = new Set<string>()
  while (!codes.has('REGISTRY_WAITS'))
    for await (const { event } of await client.getJobEvents({ ...of, query: { follow: false } }))
      if (event.type === 'notice') codes.add(event.code)
  t.is((await client.getJobStatus(of)).modelsBehind?.rounds, 2)
  await server.start()
  await reached(call, job, 'completed')
  const registry = await remoteRegistry(address, env)
  t.deepEqual(await registry.list(jobId), [1, 2, 3, 4, 5])
  const { createdAt = '' } = await registry.describe(jobId, 5)
  t.false(Number.isNaN(Date.parse(createdAt)))
})
