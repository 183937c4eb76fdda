import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { z } from 'zod'
import { faultProxy } from '../../../runtime/node/faults/index.ts'
import type { HttpServerProcess } from '../../../test/support/http-server-process.ts'
import { interruptedCommits } from '../../../test/support/interrupted-fetch.ts'
import { mlflowServer } from '../../../test/support/mlflow-server.ts'
import { decodeSafetensors } from '../../weights/formats/safetensors.ts'
import { namedTensors } from '../../weights/layout.ts'
import { nodeSend } from '../http/node-send.ts'
import { largeModel, layout, modelOf, registryContract } from '../registry.contract.ts'
import { mlflowAddress } from './mlflow-address.ts'
import { type MlflowClientSettings, mlflowClient } from './mlflow-client.ts'
import { mlflowRegistry } from './mlflow-registry.ts'
import { metricKey } from './mlflow-run.ts'

let server: HttpServerProcess
test.before(async () => {
  server = await mlflowServer()
})
test.after.always(() => server?.[Symbol.asyncDispose]())

let prefixes = 0
const newPrefix = () => `tests ${prefixes++}-`
interface Opening extends MlflowClientSettings {
  readonly prefix?: string
  readonly url?: string
}

function addressOf({ prefix = newPrefix(), url = server.url }: Opening) {
  return mlflowAddress(`mlflow:${url}?prefix=${encodeURIComponent(prefix)}`)
}

function opened(opening: Opening = {}) {
  return mlflowRegistry(addressOf(opening), { pausesMs: [], ...opening })
}

registryContract(test, async () => opened({ send: nodeSend }), {
  interrupted: (...models) => interruptedCommits(models, newPrefix, opened),
})

/** What MLflow itself answers. */
async function answered<Result>(path: string, fields: Readonly<Record<string, string>>, answer: z.ZodType<Result>) {
  return mlflowClient(addressOf({}), {}).call({ method: 'GET', path, fields, answer })
}

const versionsAnswer = z.object({
  registered_model: z.object({
    latest_versions: z.array(
      z.object({
        version: z.string(),
        run_id: z.string(),
        tags: z.array(z.object({ key: z.string(), value: z.string() })),
      }),
    ),
    aliases: z.array(z.object({ alias: z.string(), version: z.string() })).default([]),
  }),
})
const historyAnswer = z.object({
  metrics: z
    .array(z.object({ step: z.coerce.number().default(0), value: z.union([z.number(), z.string()]) }))
    .default([]),
})

test('a job is a run of its design, with parameters, metrics by round and files; its model has versions and the alias best', async (t) => {
  const prefix = newPrefix()
  const registry = opened({ prefix })
  const accuracies = [0.2, 0.9, 0.5]
  for (const [index, accuracy] of accuracies.entries())
    await registry.commit(await modelOf(index + 1, { metrics: { accuracy, loss: index === 2 ? Number.NaN : index } }))
  const { registered_model: model } = await answered(
    'registered-models/get',
    { name: `${prefix}pairs-1` },
    versionsAnswer,
  )
  t.deepEqual(model.aliases, [{ alias: 'best', version: '2' }])
  t.is(model.latest_versions[0]?.version, '3')
  const run_id = model.latest_versions[0]?.run_id ?? ''
  const history = async (metric_key: string) =>
    (await answered('metrics/get-history', { run_id, metric_key }, historyAnswer)).metrics.map(({ step, value }) => [
      step,
      value,
    ])
  t.deepEqual(await history('accuracy'), [
    [1, 0.2],
    [2, 0.9],
    [3, 0.5],
  ])
  t.deepEqual(await history('loss'), [
    [1, 0],
    [2, 1],
    [3, 'NaN'],
  ])
  const runAnswer = z.object({
    run: z.object({
      info: z.object({ experiment_id: z.string(), run_name: z.string() }),
      data: z.object({ params: z.array(z.object({ key: z.string(), value: z.string() })) }),
    }),
  })
  const { run } = await answered('runs/get', { run_id }, runAnswer)
  t.is(run.info.run_name, `${prefix}pairs-1`)
  const params = Object.fromEntries(run.data.params.map(({ key, value }) => [key, value]))
  t.like(params, {
    seed: '7',
    workload: 'pairs',
    design: 'pairs',
    algorithm: 'fedprox',
    'algorithm.mu': '0.1',
    engine: 'engine',
  })
  const folder = join(server.folder, 'artifacts', run.info.experiment_id, run_id, 'artifacts')
  t.deepEqual(readdirSync(folder).toSorted(), ['round-000001', 'round-000002', 'round-000003'])
  const files = join(folder, 'round-000002')
  t.deepEqual(readdirSync(files).toSorted(), ['model.json', 'model.safetensors', 'round.json', 'weights.bin'])
  const tensors = decodeSafetensors(readFileSync(join(files, 'model.safetensors')), 'model.safetensors')
  t.deepEqual(tensors, namedTensors(layout, (await modelOf(2)).weights))
})

test('the same rounds of another process go to the same run, and no metric stands twice', async (t) => {
  const prefix = newPrefix()
  const models = await Promise.all([1, 2, 3].map((round) => modelOf(round, { metrics: { accuracy: round / 10 } })))
  for (const model of models) await opened({ prefix }).commit(model)
  // What a process leaves that was killed before the version of a round was there.
  const again = opened({ prefix })
  for (const round of [2, 3]) await again.remove('pairs-1', round)
  for (const model of models) await opened({ prefix }).commit(model)
  const { registered_model: model } = await answered(
    'registered-models/get',
    { name: `${prefix}pairs-1` },
    versionsAnswer,
  )
  const run_id = model.latest_versions[0]?.run_id ?? ''
  const { metrics } = await answered('metrics/get-history', { run_id, metric_key: 'accuracy' }, historyAnswer)
  t.deepEqual(
    metrics.map(({ step }) => step),
    [1, 2, 3],
  )
  t.deepEqual(await again.list('pairs-1'), [1, 2, 3])
  t.deepEqual(
    model.aliases.map(({ alias }) => alias),
    ['best'],
  )
})

test('when the best round is removed, the next best has the alias', async (t) => {
  const prefix = newPrefix()
  for (const [round, accuracy] of [
    [1, 0.5],
    [2, 0.9],
    [3, 0.7],
  ] as const)
    await opened({ prefix }).commit(await modelOf(round, { metrics: { accuracy } }))
  await opened({ prefix }).remove('pairs-1', 2)
  const { registered_model: model } = await answered(
    'registered-models/get',
    { name: `${prefix}pairs-1` },
    versionsAnswer,
  )
  t.deepEqual(model.aliases, [{ alias: 'best', version: '3' }])
})

test('a round with more metrics than a request may have is logged whole', async (t) => {
  const prefix = newPrefix()
  const metrics = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`m${index}`, index]))
  const registry = opened({ prefix })
  await registry.commit(await modelOf(1, { metrics }))
  t.deepEqual((await registry.describe('pairs-1', 1)).metrics, metrics)
  const { registered_model: model } = await answered(
    'registered-models/get',
    { name: `${prefix}pairs-1` },
    versionsAnswer,
  )
  const run_id = model.latest_versions[0]?.run_id ?? ''
  t.is((await answered('metrics/get-history', { run_id, metric_key: 'm1000' }, historyAnswer)).metrics.length, 1)
})

test('names of metrics become names that MLflow takes', (t) => {
  t.is(metricKey('accuracy'), 'accuracy')
  t.is(metricKey('eu/west/loss'), 'eu/west/loss')
  t.is(metricKey('a "quoted" $& metric'), 'a _quoted_ __ metric')
  t.is(metricKey('/../x//'), '_/__/x/_/_')
  t.is(metricKey('x'.repeat(300)).length, 250)
})

test('damage is named, and mended by committing the round again', async (t) => {
  const prefix = newPrefix()
  const registry = opened({ prefix })
  const model = await modelOf(1)
  const place = async () => {
    const { registered_model: one } = await answered(
      'registered-models/get',
      { name: `${prefix}pairs-1` },
      versionsAnswer,
    )
    const id = one.latest_versions[0]?.run_id ?? ''
    const experiment = readdirSync(join(server.folder, 'artifacts')).find((name) =>
      readdirSync(join(server.folder, 'artifacts', name)).includes(id),
    )
    return join(server.folder, 'artifacts', experiment ?? '', id, 'artifacts/round-000001')
  }
  for (const damage of [
    (at: string) => writeFileSync(join(at, 'weights.bin'), new Uint8Array(24)),
    (at: string) => rmSync(join(at, 'weights.bin')),
    (at: string) => rmSync(join(at, 'round.json')),
    (at: string) => writeFileSync(join(at, 'round.json'), '{"job":'),
  ]) {
    await registry.commit(model)
    damage(await place())
    await t.throwsAsync(registry.load('pairs-1', 1), {
      code: 'REGISTRY_DAMAGED',
      message: /model tests \d+-pairs-1 version \d/,
    })
    await registry.commit(model)
    t.is((await registry.load('pairs-1', 1)).hash, model.hash)
    t.deepEqual(await registry.list('pairs-1'), [1])
  }
})

test('a proxy that cuts each connection after 1 MB lets nothing half be seen, and nothing is lost', async (t) => {
  await using proxy = await faultProxy({ target: { port: server.port }, faults: { cutAfterBytes: 1e6 } })
  const prefix = newPrefix()
  const [first, second] = [await largeModel(4_000_000), await largeModel(4_000_000, 2)]
  await opened({ prefix }).commit(first)
  const registry = opened({ prefix, url: `http://127.0.0.1:${proxy.port}` })
  await t.throwsAsync(registry.commit(second), { code: 'REGISTRY_LOST' })
  await t.throwsAsync(registry.load('pairs-1', 1), { code: 'REGISTRY_LOST' })
  t.deepEqual(await opened({ prefix }).list('pairs-1'), [1])
  proxy.set({})
  await registry.commit(second)
  t.is((await registry.load('pairs-1', 1)).hash, first.hash)
  t.is((await registry.load('pairs-1', 2)).hash, second.hash)
})
