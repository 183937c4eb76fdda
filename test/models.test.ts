import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { apiClient } from '../api/client/index.ts'
import { decodeNpzWeights, decodeSafetensors } from '../sdk/formats/index.ts'
import { fileRegistry, initialWeightsFrom, remoteRegistry } from '../sdk/node/index.ts'
import { largeModel } from '../sdk/registry/registry.contract.ts'
import { flamectlUp, upUnder } from './support/flamectl-up.ts'
import { callsTo, reached, trivialJob } from './support/http-jobs.ts'
import { s3Key, s3Server } from './support/s3-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

test('the models of a job are listed, read by number or name in each format, whole or in ranges, and removed', async (t) => {
  await using folder = await temporaryFolder()
  await using up = await flamectlUp(folder.path)
  const call = callsTo(up.url)
  const job = await trivialJob(call, { job: 'small', clients: 4, rounds: 3 })
  const client = apiClient({ endpoint: up.url })
  const of = { user: 'u', jobId: 'small' }
  t.deepEqual(await client.getModels(of), [])
  await t.throwsAsync(client.getModel({ ...of, round: 'latest' }), { code: 'ROUND_UNKNOWN' })
  await call('PUT', `${job}/status`, { state: 'starting' })
  await reached(call, job, 'completed')

  const registry = fileRegistry(join(folder.path, 'models'))
  const last = await registry.load('small', 3)
  const models = await client.getModels(of)
  t.deepEqual(
    models.map(({ round, hash }) => [round, hash]),
    await Promise.all([1, 2, 3].map(async (round) => [round, (await registry.describe('small', round)).hash])),
  )
  t.true(models[2]?.aliases.includes('latest'))
  t.is(models.filter(({ aliases }) => aliases.includes('best')).length, 1)

  const command = (...args: readonly string[]) => up.command('--user', 'u', ...args)
  const listed = await command('get', 'models', 'small', '-o', 'name')
  t.is(listed.out, '1\n2\n3\n', listed.err)
  t.regex((await command('get', 'models', 'small')).out, /ROUND.*NAMES.*HASH/)
  const hashOf = (values: Float32Array) => createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex')
  const layout = { layout: last.layout, of: (file: string) => join(folder.path, file) }
  for (const format of ['safetensors', 'npz', 'tfjs'] as const) {
    const out = layout.of(format === 'tfjs' ? 'saved' : `saved.${format}`)
    const saved = await command('get', 'model', 'small', '--round', 'latest', '-f', format, '-O', out)
    t.is(saved.status, 0, saved.err)
    const file = format === 'tfjs' ? join(out, 'model.json') : out
    t.is(hashOf(await initialWeightsFrom(file, last.layout)), last.hash)
    const again = await command('get', 'model', 'small', '-f', format, '-O', out)
    t.regex(again.err, /FILE_EXISTS/)
    t.is((await command('get', 'model', 'small', '--round', '1', '-f', format, '-O', out, '--force')).status, 0)
  }
  t.deepEqual((await readdir(layout.of('saved'))).toSorted(), ['model.json', 'round.json', 'weights.bin'])
  t.is(JSON.parse(await readFile(join(layout.of('saved'), 'round.json'), 'utf8')).round, 1)

  const address = `${up.url}${job}/models/3?format=safetensors`
  const whole = await fetch(address)
  const bytes = new Uint8Array(await whole.arrayBuffer())
  t.is(decodeSafetensors(bytes, 'a').length, last.layout.tensors.length)
  const range = await fetch(address, { headers: { range: 'bytes=8-19' } })
  t.is(range.status, 206)
  t.deepEqual(new Uint8Array(await range.arrayBuffer()), bytes.subarray(8, 20))
  const tag = whole.headers.get('etag') ?? ''
  t.is((await fetch(address, { headers: { 'if-none-match': tag } })).status, 304)
  t.is((await fetch(address.replace('/3?', '/2?'), { headers: { 'if-none-match': tag } })).status, 200)
  const npz = await client.getModel({ ...of, round: '3', query: { format: 'npz' } })
  t.is(npz.fileName, 'small-round-0003.npz')
  const content = new Uint8Array(await new Response(npz.content).arrayBuffer())
  t.is(content.length, npz.sizeBytes ?? 0)
  t.is(decodeNpzWeights(content, 'a').length, last.layout.tensors.length)

  await t.throwsAsync(client.getModel({ ...of, round: '9' }), { code: 'ROUND_UNKNOWN' })
  await t.throwsAsync(client.getModel({ ...of, round: 'worst' }), { code: 'ROUND_UNKNOWN' })
  await t.throwsAsync(client.getModels({ user: 'v', jobId: 'small' }), { code: 'JOB_NOT_FOUND' })
  t.is((await command('remove', 'models', 'small', '--round', '2')).status, 0)
  t.deepEqual(await registry.list('small'), [1, 3])
  t.is((await command('remove', 'models', 'small')).status, 0)
  t.deepEqual(await registry.list('small'), [])
})

/** Bytes of memory that a process has at present. */
async function residentBytes(pid: number): Promise<number> {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return 1024 * Number(kilobytes)
}

/** Reads an answer to its end, and gives its bytes and the most memory that the process had meanwhile. */
async function drained(answer: Response, pid: number) {
  const sum = createHash('sha256')
  let [bytes, most, pieces] = [0, 0, 0]
  for await (const piece of answer.body ?? []) {
    sum.update(piece)
    bytes += piece.length
    if (pieces++ % 64 === 0) most = Math.max(most, await residentBytes(pid))
  }
  return { bytes, most, hash: sum.digest('hex') }
}

test('a large model of files or of S3 passes through the server without being in its memory, and a range of it, too', async (t) => {
  await using folder = await temporaryFolder()
  await using s3 = await s3Server()
  const address = `s3://models/large?endpoint=${encodeURIComponent(s3.url)}`
  const env = { AWS_ACCESS_KEY_ID: s3Key.accessKeyId, AWS_SECRET_ACCESS_KEY: s3Key.secretAccessKey }
  const model = await largeModel(2 ** 28)
  for (const [name, registry, ...options] of [
    ['files', fileRegistry(join(folder.path, 'files', 'models'))],
    ['s3', await remoteRegistry(address, env), '--registry', address],
  ] as const) {
    await using up = await upUnder({ env }, join(folder.path, name), ...options)
    const call = callsTo(up.url)
    const job = await trivialJob(call, { job: 'large', clients: 2, rounds: 1, hyperparameters: { fraction: 1 } })
    await call('PUT', `${job}/status`, { state: 'starting' })
    await reached(call, job, 'completed')
    await registry.commit({ ...model, job: 'large' })
    for (const format of ['tfjs', 'safetensors', 'npz']) {
      const at = `${up.url}${job}/models/1?format=${format}`
      const before = await residentBytes(up.pid)
      const answer = await fetch(at)
      const tag = answer.headers.get('etag') ?? ''
      const { bytes, most, hash } = await drained(answer, up.pid)
      t.is(bytes, Number(answer.headers.get('content-length')), `${name} ${format}`)
      t.true(most - before < 2 ** 27, `${name} ${format}: ${(most - before) / 2 ** 20} MiB`)
      if (format !== 'safetensors') continue
      const from = bytes - 1000
      const rest = await fetch(at, { headers: { range: `bytes=${from}-`, 'if-range': tag } })
      t.is(rest.status, 206)
      t.deepEqual(
        new Uint8Array(await rest.arrayBuffer()),
        new Uint8Array(model.weights.buffer).slice(model.weights.byteLength - 1000),
      )
      t.not(hash, '')
      t.is((await fetch(at, { method: 'HEAD' })).headers.get('content-length'), String(bytes))
    }
  }
})

test('a model that is damaged where it is kept ends early, and no caller takes it for whole', async (t) => {
  await using folder = await temporaryFolder()
  await using up = await flamectlUp(folder.path)
  const call = callsTo(up.url)
  const job = await trivialJob(call, { job: 'small', clients: 2, rounds: 1, hyperparameters: { fraction: 1 } })
  await call('PUT', `${job}/status`, { state: 'starting' })
  await reached(call, job, 'completed')
  const file = join(folder.path, 'models', 'small', 'round-0001', 'weights.bin')
  const bytes = await readFile(file)
  for (const damaged of [bytes.fill(7, 100, 108), bytes.subarray(4), Buffer.concat([bytes, bytes])]) {
    await writeFile(file, damaged)
    for (const format of ['tfjs', 'safetensors', 'npz']) {
      const whole = async () => (await fetch(`${up.url}${job}/models/1?format=${format}`)).arrayBuffer()
      await t.throwsAsync(whole(), undefined, format)
    }
  }
  t.is((await fetch(`${up.url}${job}/models`)).status, 200)
})
