import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'ava'
import type { CodedError } from '../../runtime/index.ts'
import { layersLearner } from '../layers/layers-learner.ts'
import { loadTensorFlow } from '../layers/tensorflow.ts'
import { randomStream } from '../random/random-stream.ts'
import { weightsHash } from '../weights/layout.ts'
import { modelFiles } from './model-files.ts'
import { fileRegistry } from './node-file-registry.ts'
import { modelOf, registryContract } from './registry.contract.ts'
import type { ModelToCommit } from './registry.ts'

const base = mkdtempSync(join(tmpdir(), 'flame-registry-'))
let folders = 0
const newFolder = () => join(base, String(folders++))
test.after.always(() => rmSync(base, { recursive: true, force: true }))

registryContract(test, async () => fileRegistry(newFolder()), { interrupted })

/** Each of the files of the second round may be missing, or cut in the middle. */
async function* interrupted(before: ModelToCommit, model: ModelToCommit) {
  const files = modelFiles(model)
  for (const whole of files.keys())
    for (const isCut of [false, true]) {
      const folder = newFolder()
      await fileRegistry(folder).commit(before)
      const leftover = join(folder, model.job, `.unfinished-${model.round}`)
      mkdirSync(leftover)
      for (const [index, { name, bytes }] of files.entries())
        if (index < whole) writeFileSync(join(leftover, name), bytes)
        else if (index === whole && isCut) writeFileSync(join(leftover, name), bytes.subarray(0, bytes.length / 2))
      yield fileRegistry(folder)
    }
}

test('round.json is readable: indented, each of its lists on one line', async (t) => {
  const folder = newFolder()
  await fileRegistry(folder).commit(await modelOf(1))
  const { hash } = await modelOf(1)
  t.is(
    readFileSync(join(folder, 'pairs-1', 'round-0001', 'round.json'), 'utf8'),
    `{
  "job": "pairs-1",
  "workload": "pairs",
  "seed": 7,
  "round": 1,
  "createdAt": "2026-11-02T03:04:05.678Z",
  "metrics": {
    "accuracy": 0.5,
    "loss": 0.3333333333333333
  },
  "design": "pairs",
  "algorithm": {
    "name": "fedprox",
    "settings": {
      "mu": 0.1,
      "rounds": 3,
      "weighted": true,
      "note": "a \\"quoted\\" text"
    }
  },
  "arithmetic": {
    "quantumBits": {
      "delta": 34
    },
    "engine": "engine"
  },
  "privacy": {
    "epsilon": 1.5,
    "delta": 0.00001
  },
  "digests": {
    "feature-holder-0": "abababababababababababababababababababababababababababababababab"
  },
  "hash": "${hash}",
  "members": ["trainer-0","trainer-2"],
  "arrivals": [{"end":"trainer-2","dispatch":2,"version":0},{"end":"trainer-0","dispatch":1,"version":0}]
}
`,
  )
})

test('a metric for which an older version wrote null is absent', async (t) => {
  const folder = newFolder()
  const registry = fileRegistry(folder)
  await registry.commit(await modelOf(1))
  const file = join(folder, 'pairs-1', 'round-0001', 'round.json')
  writeFileSync(file, readFileSync(file, 'utf8').replace('0.3333333333333333', 'null'))
  t.deepEqual((await registry.latest('pairs-1'))?.metrics, { accuracy: 0.5 })
})

test('what another process left half-written is no round, and is cleared away by the next commit', async (t) => {
  const folder = newFolder()
  const registry = fileRegistry(folder)
  await registry.commit(await modelOf(1))
  const leftover = join(folder, 'pairs-1', '.unfinished-2')
  mkdirSync(leftover)
  writeFileSync(join(leftover, 'round.json'), '{}')
  t.deepEqual(await registry.list('pairs-1'), [1])
  t.is((await registry.latest('pairs-1'))?.round, 1)
  await registry.commit(await modelOf(2))
  t.deepEqual(readdirSync(join(folder, 'pairs-1')).toSorted(), ['round-0001', 'round-0002'])
})

test('the folder of a job that another process has removed is made again', async (t) => {
  const folder = newFolder()
  const registry = fileRegistry(folder)
  await registry.commit(await modelOf(1))
  rmSync(join(folder, 'pairs-1'), { recursive: true })
  await registry.commit(await modelOf(2))
  t.deepEqual(await registry.list('pairs-1'), [2])
})

test('a removed round leaves nothing behind, and takes what else is in its folder along', async (t) => {
  const folder = newFolder()
  const registry = fileRegistry(folder)
  for (const round of [1, 2]) await registry.commit(await modelOf(round))
  writeFileSync(join(folder, 'pairs-1', 'round-0002', 'notes.txt'), 'of a person')
  for (const round of [1, 2, 3]) await registry.remove('pairs-1', round)
  t.deepEqual(readdirSync(join(folder, 'pairs-1')), [])
})

test('a replaced round leaves nothing behind', async (t) => {
  const folder = newFolder()
  const registry = fileRegistry(folder)
  await registry.commit(await modelOf(1))
  await registry.commit(await modelOf(1, { weights: new Float32Array(6) }))
  t.deepEqual(readdirSync(join(folder, 'pairs-1')), ['round-0001'])
})

test('damage is named, with what was found, and mended by committing the round again', async (t) => {
  const cases: readonly (readonly [(location: string) => void, RegExp])[] = [
    [(at) => writeFileSync(join(at, 'weights.bin'), new Uint8Array(24)), /weights\.bin has hash [0-9a-f]{64}, not/],
    [(at) => writeFileSync(join(at, 'weights.bin'), new Uint8Array(23)), /weights\.bin has 23 bytes/],
    [(at) => rmSync(join(at, 'weights.bin')), /weights\.bin is missing/],
    [(at) => rmSync(join(at, 'model.json')), /model\.json is missing/],
    [(at) => writeFileSync(join(at, 'model.json'), '{"weights'), /model\.json.* it is no JSON/],
    [(at) => writeFileSync(join(at, 'model.json'), '{"weightsManifest":[]}'), /model\.json describes 0 weights/],
    [(at) => writeFileSync(join(at, 'round.json'), '{"job":'), /round\.json is no JSON/],
    [(at) => writeFileSync(join(at, 'round.json'), '{"job":"pairs-1","members":[]}'), /round\.json lacks a field/],
    [(at) => writeFileSync(join(at, 'round.json'), 'null'), /round\.json lacks a field/],
  ]
  for (const [damage, found] of cases) {
    const folder = newFolder()
    const registry = fileRegistry(folder)
    const model = await modelOf(1)
    await registry.commit(model)
    damage(join(folder, 'pairs-1', 'round-0001'))
    const error = await t.throwsAsync(registry.load('pairs-1', 1), { code: 'REGISTRY_DAMAGED' })
    t.regex(String(error), found)
    t.true(String(error).includes(folder))
    await registry.commit(model)
    t.is((await registry.load('pairs-1', 1)).hash, model.hash)
  }
})

test('a folder that may not be written is named, and nothing is left in it', async (t) => {
  const folder = newFolder()
  writeFileSync(folder, 'a file where the folder should be')
  await t.throwsAsync(fileRegistry(folder).commit(await modelOf(1)), { code: 'REGISTRY_DENIED' })
  t.is(readFileSync(folder, 'utf8'), 'a file where the folder should be')
  if (process.getuid?.() === 0) return t.log('root may write anywhere')
  const locked = newFolder()
  mkdirSync(locked)
  chmodSync(locked, 0o500)
  await t.throwsAsync(fileRegistry(locked).commit(await modelOf(1)), { code: 'REGISTRY_DENIED' })
  t.deepEqual(readdirSync(locked), [])
})

/** Commits rounds without end, and reports each. */
const committer = `
  const [modules, folder] = process.argv.slice(1)
  const { fileRegistry } = await import(modules + 'node-file-registry.js')
  const { weightsHash } = await import(modules + '../weights/layout.js')
  const registry = fileRegistry(folder)
  const size = 200_000
  const layout = { size, tensors: [{ name: 'w', shape: [size] }] }
  for (let round = 1; ; round++) {
    for (const value of [round, -round]) {
      const weights = new Float32Array(size).fill(value)
      const hash = await weightsHash(weights)
      const lineage = { job: 'pairs-1', workload: 'pairs', seed: 1, round, metrics: {}, members: ['trainer-0'], hash }
      await registry.commit({ ...lineage, weights, layout })
    }
    console.log(round)
  }
`

test('SIGKILL at any instant leaves whole rounds only, among them each that was acknowledged', async (t) => {
  const modules = new URL('./', import.meta.url).href
  for (let kill = 0; kill < 12; kill++) {
    const folder = newFolder()
    const args = ['--input-type=module', '-e', committer, modules, folder]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const closed = once(child, 'close')
    let acknowledged = 0
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line)
      // From the second report on, at an instant that the machine chooses.
      if (acknowledged === 2) setTimeout(() => child.kill('SIGKILL'), kill)
    }
    await closed
    const registry = fileRegistry(folder)
    const rounds = await registry.list('pairs-1')
    t.true(acknowledged >= 2)
    t.deepEqual(
      rounds.slice(0, acknowledged),
      Array.from({ length: acknowledged }, (_, index) => index + 1),
    )
    for (const round of rounds) {
      const { weights } = await registry.load('pairs-1', round)
      t.is(Math.abs(weights[0] ?? 0), round)
      if (round <= acknowledged) t.is(weights[0], -round)
    }
    await registry.commit(await modelOf(1))
    t.false(readdirSync(join(folder, 'pairs-1')).some((name) => name.startsWith('.')))
  }
})

test('TensorFlow.js loads a committed layers model over HTTP, and it predicts what the model in memory does', async (t) => {
  const tf = await loadTensorFlow()
  const model = () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ units: 5, activation: 'relu', inputShape: [3] }),
        tf.layers.dense({ units: 4, activation: 'softmax' }),
      ],
    })
  const learner = await layersLearner({ model, loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch: 4 })
  const weights = await learner.initialWeights(randomStream(1, 'weights'))
  const folder = newFolder()
  const { layout, modelTopology } = learner
  await fileRegistry(folder).commit(
    await modelOf(1, { weights, layout, modelTopology, hash: await weightsHash(weights) }),
  )

  const server = createServer((request, response) => {
    const file = join(folder, 'pairs-1', 'round-0001', String(request.url))
    if (!existsSync(file)) return void response.writeHead(404).end()
    response.setHeader('content-type', file.endsWith('.json') ? 'application/json' : 'application/octet-stream')
    response.end(readFileSync(file))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  try {
    const loaded = await tf.loadLayersModel(`http://127.0.0.1:${port}/model.json`)
    const own = model()
    own.setWeights(
      own.weights.map(({ shape }, index) => {
        const before = layout.tensors.slice(0, index)
        const start = before.reduce((size, tensor) => size + tensor.shape.reduce((a, b) => a * b, 1), 0)
        const lengths = shape.map((length) => length ?? 0)
        const size = lengths.reduce((a, b) => a * b, 1)
        return tf.tensor(weights.subarray(start, start + size), lengths)
      }),
    )
    const input = tf.tensor2d([
      [1, 0, -1],
      [0.5, 2, 0.25],
    ])
    const predictions = [loaded, own].map((one) => {
      const output = one.predict(input)
      return Array.isArray(output) ? [] : [...output.dataSync()]
    })
    t.is(predictions[0]?.length, 8)
    t.deepEqual(predictions[0], predictions[1])
  } finally {
    server.close()
    server.closeAllConnections()
  }
})

test('a model of unknown architecture is written as named weights', async (t) => {
  const folder = newFolder()
  const { modelTopology: _, ...model } = await modelOf(1)
  await fileRegistry(folder).commit(model)
  const written = JSON.parse(readFileSync(join(folder, 'pairs-1', 'round-0001', 'model.json'), 'utf8'))
  t.is(written.format, 'weights')
  t.deepEqual(written.weightsManifest[0].weights, [
    { name: 'kernel', shape: [2, 2], dtype: 'float32' },
    { name: 'bias', shape: [2], dtype: 'float32' },
  ])
})

test('a round that is not there is refused with those that are, and one that cannot be read with the reason', async (t) => {
  const folder = newFolder()
  const registry = fileRegistry(folder)
  for (const round of [1, 2]) await registry.commit(await modelOf(round))
  const error = await t.throwsAsync<CodedError>(registry.load('pairs-1', 3), { code: 'REGISTRY_UNKNOWN' })
  t.is(error?.hint, 'use one of the existing rounds: 1, 2')
  const file = join(folder, 'pairs-1', 'round-0002', 'weights.bin')
  rmSync(file)
  mkdirSync(file)
  await t.throwsAsync(registry.load('pairs-1', 2), {
    code: 'REGISTRY_UNREADABLE',
    message: /it is a folder \(EISDIR\)/,
  })
})

test('the bytes of a round are those of its files, and none of a round that is not there', async (t) => {
  const folder = newFolder()
  const registry = fileRegistry(folder)
  await registry.commit(await modelOf(1))
  const location = join(folder, 'pairs-1', 'round-0001')
  const sizes = readdirSync(location).map((name) => readFileSync(join(location, name)).length)
  t.is(
    await registry.bytesOf('pairs-1', 1),
    sizes.reduce((sum, size) => sum + size, 0),
  )
  t.is(await registry.bytesOf('pairs-1', 2), 0)
})
