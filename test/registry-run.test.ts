import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { remoteRegistry } from '../sdk/registry/node-remote-registry.ts'
import { runFlamectl } from './flamectl-process.ts'
import { type S3Server, s3Key, s3Server } from './support/s3-server.ts'
import { driftingParts } from './support/stored-job.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const sdk = new URL('../sdk/index.js', import.meta.url).href

const drifting = `
import { fedAvg, twoTier, workload } from '${sdk}'
import { inMemoryExamples } from '${sdk}'
export default workload({
  name: 'drifting',
  settings: { rounds: 5, clients: 3 },
  ${driftingParts}
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg(),
})
`

const environment = { AWS_ACCESS_KEY_ID: s3Key.accessKeyId, AWS_SECRET_ACCESS_KEY: s3Key.secretAccessKey }
const addressAt = ({ url }: S3Server, prefix: string) => `s3://models/${prefix}?endpoint=${encodeURIComponent(url)}`

test('a run puts its models into the registry that --registry or FLAME_REGISTRY names, and tells no secret', async (t) => {
  await using server = await s3Server()
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'workload.mjs'), drifting)
  const args = ['run', folder.path, '--json', '--workers', '0', '--store', join(folder.path, 'store')]
  const address = addressAt(server, 'plain')
  const run = await runFlamectl([...args, '--registry', address, '--keep', 'last=2,every=2'], { environment })
  t.is(run.status, 0, run.err)
  const registry = await remoteRegistry(address, environment)
  t.deepEqual(await registry.list('drifting-1'), [2, 4, 5])
  t.is((await registry.load('drifting-1', 5)).hash, run.done?.hash ?? '')
  t.like(await registry.describe('drifting-1', 4), { design: 'drifting', algorithm: { name: 'fedavg' } })
  t.false((run.out + run.err).includes(s3Key.secretAccessKey))

  const other = await runFlamectl(args, {
    environment: { ...environment, FLAME_REGISTRY: addressAt(server, 'second') },
  })
  t.is(other.status, 0, other.err)
  const second = await remoteRegistry(addressAt(server, 'second'), environment)
  t.deepEqual(await second.list('drifting-2'), [1, 2, 3, 4, 5])
})

test('a run whose registry is away ends with a status of its own, and another run brings the models there', async (t) => {
  await using server = await s3Server()
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'workload.mjs'), drifting)
  const address = addressAt(server, 'late')
  const store = join(folder.path, 'store')
  const args = ['run', folder.path, '--json', '--workers', '0', '--store', store, '--registry', address]
  await server.kill()
  const away = await runFlamectl([...args, '--upload-wait', '0'], { environment })
  t.is(away.status, 5, away.err)
  t.is(away.rounds.size, 5)
  t.regex(away.err, /drifting-1: REGISTRY_LOST /)
  t.regex(away.err, /RUN_BEHIND: .* does not have 5 models of job drifting-1 yet/)
  t.regex(away.err, /flamectl run .* --resume/)
  await server.start()
  const later = await runFlamectl([...args, '--resume'], { environment })
  t.is(later.status, 0, later.err)
  const registry = await remoteRegistry(address, environment)
  t.deepEqual(await registry.list('drifting-1'), [1, 2, 3, 4, 5])
  for (const [round, hash] of away.rounds) t.is((await registry.load('drifting-1', round)).hash, hash)
  const [spool = ''] = await readdir(join(store, 'spool'))
  t.deepEqual(await readdir(join(store, 'spool', spool, 'drifting-1')), [])
})

test('addresses of no known form are refused with the forms, and without the password that they have', async (t) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'workload.mjs'), drifting)
  for (const address of ['gopher://x', 'mlflow:ftp://x', 'mlflow:http://me:secret@host', 'files:', 's3://']) {
    const run = await runFlamectl(['run', folder.path, '--store', join(folder.path, 'store'), '--registry', address])
    t.is(run.status, 2, run.err)
    t.regex(run.err, /REGISTRY_ADDRESS: .*\n\s+write (files:FOLDER, memory:, |s3:\/\/)/)
    t.false(run.err.includes('secret'))
  }
  t.deepEqual(await readdir(folder.path), ['workload.mjs'])
})
