import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import type { HttpServerProcess } from '../../test/support/http-server-process.ts'
import { mlflowServer } from '../../test/support/mlflow-server.ts'
import { type S3Server, s3Key, s3Server } from '../../test/support/s3-server.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { fileRegistry } from '../registry/node-file-registry.ts'
import { remoteRegistry } from '../registry/node-remote-registry.ts'
import { largeModel, layout, modelOf } from '../registry/registry.contract.ts'
import { encodeSafetensors } from '../weights/formats/safetensors.ts'
import { layoutOf, namedTensors } from '../weights/layout.ts'
import { baseModelWeights, findBaseModel, initialWeightsFrom } from './node-base-model.ts'

let s3: S3Server
let mlflow: HttpServerProcess
test.before(async () => {
  ;[s3, mlflow] = await Promise.all([s3Server(), mlflowServer()])
})
test.after.always(async () => {
  await s3?.[Symbol.asyncDispose]()
  await mlflow?.[Symbol.asyncDispose]()
})

const environment = { AWS_ACCESS_KEY_ID: s3Key.accessKeyId, AWS_SECRET_ACCESS_KEY: s3Key.secretAccessKey }
const s3Address = (path: string, more = '') => `s3://models/${path}?endpoint=${encodeURIComponent(s3.url)}${more}`
const other = layoutOf([{ name: 'other', shape: [3] }])

test('a round of S3 is found by its folder, by its number, and as the best or the latest, which later names the same', async (t) => {
  const registry = await remoteRegistry(s3Address('base'), environment)
  for (const [round, accuracy] of [
    [1, 0.5],
    [2, 0.9],
    [3, 0.7],
  ] as const)
    await registry.commit(await modelOf(round, { metrics: { accuracy } }))
  await registry.commit(await modelOf(4, { part: 'eu/west' }))
  for (const [path, more, round, part] of [
    ['base/pairs-1/round-000001', '', 1, undefined],
    ['base/pairs-1', '&round=1', 1, undefined],
    ['base/pairs-1/', '&round=best', 2, undefined],
    ['base/pairs-1', '&round=latest', 3, undefined],
    ['base/pairs-1', '&round=latest&part=eu%2Fwest', 4, 'eu/west'],
  ] as const) {
    const { weights, hash } = await modelOf(round)
    const found = await findBaseModel(s3Address(path, more), environment)
    t.like(found, { hash, of: { job: 'pairs-1', round, ...(part !== undefined && { part }) } })
    t.deepEqual(await baseModelWeights(found, layout, environment), weights)
    t.deepEqual(await initialWeightsFrom(s3Address(path, more), layout, environment), weights)
    await registry.commit(await modelOf(9, { metrics: { accuracy: 1 } }))
    t.deepEqual(await findBaseModel(found.address, environment), found)
    await registry.remove('pairs-1', 9)
  }
})

test('a version of MLflow is found by its number, by an alias and as the latest, and a round by its run', async (t) => {
  const server = `mlflow:${mlflow.url}`
  const registry = await remoteRegistry(server, environment)
  for (const [round, accuracy] of [
    [1, 0.9],
    [2, 0.5],
  ] as const)
    await registry.commit(await modelOf(round, { metrics: { accuracy } }))
  const answer = await fetch(`${mlflow.url}/api/2.0/mlflow/model-versions/get?name=pairs-1&version=2`)
  const { run_id: run } = Object(await answer.json()).model_version
  for (const [query, round] of [
    ['model=pairs-1&version=1', 1],
    ['model=pairs-1&alias=best', 1],
    ['model=pairs-1', 2],
    [`run=${run}&round=2`, 2],
  ] as const) {
    const { weights, hash } = await modelOf(round)
    const found = await findBaseModel(`${server}?${query}`, environment)
    t.like(found, { hash, of: { job: 'pairs-1', round } }, query)
    t.regex(found.address, /version=\d|run=/)
    t.deepEqual(await baseModelWeights(found, layout, environment), weights)
  }
  for (const [query, message] of [
    ['model=pairs-1&version=7', /no version 7 of the model pairs-1/],
    ['model=pairs-1&alias=none', /no version none of the model/],
    ["model=o'clock", /no version latest of the model o'clock/],
    ['model=unknown', /no version latest of the model unknown/],
    ['run=unknown&round=1', /no run unknown/],
    [`run=${run}&round=7`, /round-000007 has no model\.json/],
  ] as const)
    await t.throwsAsync(findBaseModel(`${server}?${query}`, environment), { code: 'REGISTRY_NO_MODEL', message }, query)
})

test('a model of another origin is read from its safetensors, in a folder or alone, on a disk and in a bucket', async (t) => {
  await using folder = await temporaryFolder()
  const { weights } = await modelOf(1)
  const bytes = encodeSafetensors(namedTensors(layout, weights).toReversed())
  for (const place of [folder.path, join(s3.bucketFolder('models'), 'foreign')]) {
    await mkdir(place, { recursive: true })
    await writeFile(join(place, 'model.safetensors'), bytes)
  }
  const places = [folder.path, join(folder.path, 'model.safetensors')]
  const objects = [s3Address('foreign'), s3Address('foreign/model.safetensors')]
  for (const place of [...places, ...places.map((path) => `files:${path}`), ...objects]) {
    const found = await findBaseModel(place, environment)
    t.is(found.of, undefined)
    t.deepEqual(await baseModelWeights(found, layout, environment), weights)
    await t.throwsAsync(baseModelWeights(found, other, environment), { code: 'WEIGHTS_MISMATCH', message: /'other'/ })
  }
})

test('weights that have changed since they were found are refused, and damage, and a server that is away, are named', async (t) => {
  await using folder = await temporaryFolder()
  await using own = await s3Server()
  const registry = fileRegistry(folder.path)
  const place = join(folder.path, 'pairs-1', 'round-0001')
  await registry.commit(await modelOf(1))
  const found = await findBaseModel(place, environment)
  await registry.commit(await largeModel(400))
  await t.throwsAsync(baseModelWeights(found, layout, environment), { code: 'REGISTRY_CHANGED' })
  await writeFile(join(place, 'weights.bin'), new Uint8Array(8))
  await t.throwsAsync(initialWeightsFrom(place, layout), { code: 'REGISTRY_DAMAGED' })
  await rm(place, { recursive: true })
  await t.throwsAsync(findBaseModel(place, environment), { code: 'WEIGHTS_FILE', message: /no such file/ })
  await t.throwsAsync(findBaseModel(folder.path, environment), { code: 'REGISTRY_NO_MODEL' })
  await t.throwsAsync(findBaseModel(s3Address('nothing/here'), environment), { code: 'REGISTRY_NO_MODEL' })
  await t.throwsAsync(findBaseModel(s3Address('nothing', '&round=best'), environment), { code: 'REGISTRY_NO_MODEL' })
  await t.throwsAsync(findBaseModel(s3Address('a'), { ...environment, AWS_SECRET_ACCESS_KEY: 'wrong' }), {
    code: 'REGISTRY_CREDENTIALS',
  })
  await own.kill()
  const away = `s3://models/a?endpoint=${encodeURIComponent(own.url)}`
  await t.throwsAsync(findBaseModel(away, environment), { code: 'REGISTRY_LOST' })
})
