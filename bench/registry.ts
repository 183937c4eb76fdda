import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AwsClient } from 'aws4fetch'
import { encodeSafetensors, namedTensors, tfjsModel } from '../sdk/formats/index.ts'
import { layoutOf, type ModelRegistry, type ModelToCommit, weightsHash } from '../sdk/index.ts'
import { fileRegistry, remoteRegistry } from '../sdk/node/index.ts'
import { mlflowServer } from '../test/support/mlflow-server.ts'
import { s3Key, s3Server } from '../test/support/s3-server.ts'
import type { Suite } from './figure.ts'
import { mediansOfBoth } from './median.ts'
import { registryRounds } from './registry-rounds.ts'

/** Of the FedAvg paper's CNN. */
const weightsOfModel = 1_663_370

interface RawFile {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** The same files without an adapter: written and read by the plainest requests. */
interface Raw {
  publish(round: number, files: readonly RawFile[]): Promise<void>
  read(round: number, names: readonly string[]): Promise<void>
}

/** Measures registries beside plain requests to the same server, and the rounds of a job with each registry. */
export const registrySuite: Suite = async (report) => {
  const folder = await mkdtemp(join(tmpdir(), 'flame-bench-'))
  await using s3 = await s3Server()
  await using mlflow = await mlflowServer()
  const environment = { AWS_ACCESS_KEY_ID: s3Key.accessKeyId, AWS_SECRET_ACCESS_KEY: s3Key.secretAccessKey }
  const addresses = {
    mlflow: (run: number) => `mlflow:${mlflow.url}?prefix=bench-${run}-`,
    s3: (run: number) => `s3://models/bench-${run}?endpoint=${s3.url}`,
  }
  const adapters: readonly (readonly [string, ModelRegistry, Raw])[] = [
    ['files', fileRegistry(join(folder, 'models')), rawFiles(join(folder, 'raw'))],
    ['s3', await remoteRegistry(addresses.s3(0), environment), rawS3(s3.url)],
    ['mlflow', await remoteRegistry(addresses.mlflow(0), environment), await rawMlflow(mlflow.url)],
  ]
  try {
    const model = await newModel()
    for (const [name, registry, raw] of adapters) {
      const files = filesOf(model, name === 'mlflow')
      let round = 0
      const published = await mediansOfBoth(
        () => milliseconds(() => registry.commit({ ...model, round: ++round })),
        () => milliseconds(() => raw.publish(round, files)),
      )
      const names = files.map((file) => file.name).filter((file) => !file.endsWith('.safetensors'))
      const read = await mediansOfBoth(
        () => milliseconds(() => registry.load(model.job, round)),
        () => milliseconds(() => raw.read(round, names)),
      )
      for (const [what, { first: value, second: baseline }] of Object.entries({ publish: published, read })) {
        report({ figure: `registry.${name}-${what}`, value, unit: 'ms', baseline, ratio: baseline / value })
      }
    }
    await registryRounds(addresses, environment, report)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function newModel(): Promise<ModelToCommit> {
  const weights = Float32Array.from({ length: weightsOfModel }, (_, index) => Math.sin(index))
  const metrics = { accuracy: 0.9, loss: 0.3 }
  const members = Array.from({ length: 10 }, (_, index) => `trainer-${index}`)
  const layout = layoutOf([{ name: 'dense_1/kernel', shape: [weightsOfModel] }])
  const origin = { job: 'bench-1', workload: 'bench', seed: 1, round: 0, metrics, members }
  return { ...origin, weights, layout, hash: await weightsHash(weights) }
}

function filesOf({ weights, layout, modelTopology, ...lineage }: ModelToCommit, forPython: boolean): RawFile[] {
  const text = (value: object) => new TextEncoder().encode(JSON.stringify(value))
  return [
    { name: 'weights.bin', bytes: new Uint8Array(Float32Array.from(weights).buffer) },
    { name: 'model.json', bytes: text(tfjsModel(layout, modelTopology)) },
    { name: 'round.json', bytes: text(lineage) },
    ...(forPython
      ? [{ name: 'model.safetensors', bytes: Uint8Array.from(encodeSafetensors(namedTensors(layout, weights))) }]
      : []),
  ]
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

function rawFiles(folder: string): Raw {
  const place = (round: number) => join(folder, String(round))
  return {
    async publish(round, files) {
      await mkdir(place(round), { recursive: true })
      await Promise.all(
        files.map(async ({ name, bytes }) => {
          const handle = await open(join(place(round), name), 'w')
          await handle.writeFile(bytes)
          await handle.sync()
          await handle.close()
        }),
      )
    },
    async read(round, names) {
      await Promise.all(names.map((name) => readFile(join(place(round), name))))
    },
  }
}

function rawS3(url: string): Raw {
  const client = new AwsClient({ ...s3Key, service: 's3', region: 'us-east-1', retries: 0 })
  const place = (round: number, name: string) => `${url}/models/raw/${round}/${name}`
  return {
    async publish(round, files) {
      const put = ({ name, bytes }: RawFile) => client.fetch(place(round, name), { method: 'PUT', body: bytes })
      await Promise.all(files.map(async (file) => whole(await put(file))))
    },
    async read(round, names) {
      await Promise.all(names.map(async (name) => whole(await client.fetch(place(round, name)))))
    },
  }
}

async function rawMlflow(url: string): Promise<Raw> {
  const post = async (path: string, fields: object) => {
    const sent = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) }
    const answer = await fetch(`${url}/api/2.0/mlflow/${path}`, sent)
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}`)
    return answer.json()
  }
  const { experiment_id } = await post('experiments/create', { name: 'raw' })
  const { run } = await post('runs/create', { experiment_id, start_time: Date.now() })
  await post('registered-models/create', { name: 'raw' })
  const { run_id, artifact_uri } = run.info
  const place = (round: number, name: string) =>
    `${url}/api/2.0/mlflow-artifacts/artifacts/${experiment_id}/${run_id}/artifacts/${round}/${name}`
  return {
    async publish(round, files) {
      const put = ({ name, bytes }: RawFile) => fetch(place(round, name), { method: 'PUT', body: bytes })
      await Promise.all(files.map(async (file) => whole(await put(file))))
      const metric = { timestamp: Date.now(), step: round }
      const metrics = [
        { ...metric, key: 'accuracy', value: 0.9 },
        { ...metric, key: 'loss', value: 0.3 },
      ]
      await post('runs/log-batch', { run_id, metrics })
      await post('model-versions/create', { name: 'raw', run_id, source: `${artifact_uri}/${round}` })
    },
    async read(round, names) {
      await Promise.all(names.map(async (name) => whole(await fetch(place(round, name)))))
    },
  }
}

async function whole(answer: Response): Promise<void> {
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`${answer.url} was answered ${answer.status}`)
}
