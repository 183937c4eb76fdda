import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import type { CodedError } from '../../runtime/index.ts'
import { encodeNpzWeights } from '../formats/npz-weights.ts'
import type { Learner } from '../learn/learner.ts'
import { randomStream } from '../random/random-stream.ts'
import { fileRegistry } from '../registry/node-file-registry.ts'
import { encodeSafetensors } from '../weights/formats/safetensors.ts'
import { layoutOf, namedTensors, weightsHash } from '../weights/layout.ts'
import { initialWeightsFrom, withBaseModel } from './node-model-files.ts'

const layout = layoutOf([
  { name: 'dense/kernel', shape: [2, 3] },
  { name: 'dense/bias', shape: [3] },
])
const weights = Float32Array.from({ length: 9 }, (_, index) => index / 7)
const folder = await mkdtemp(join(tmpdir(), 'flame-base-'))
test.after.always(() => rm(folder, { recursive: true }))

async function file(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

test('a model comes from safetensors, npz, or TensorFlow.js in several shards', async (t) => {
  const tensors = namedTensors(layout, weights)
  t.deepEqual(await initialWeightsFrom(await file('a.safetensors', encodeSafetensors(tensors)), layout), weights)
  const npz = pathToFileURL(await file('a.npz', encodeNpzWeights(tensors.toReversed())))
  t.deepEqual(await initialWeightsFrom(npz, layout), weights)

  await mkdir(join(folder, 'shards'))
  const bytes = new Uint8Array(weights.buffer)
  await file('shards/1.bin', bytes.subarray(0, 5))
  await file('shards/2.bin', bytes.subarray(5))
  const specs = layout.tensors.map((tensor) => ({ ...tensor, dtype: 'float32' }))
  const manifest = [{ paths: ['shards/1.bin', 'shards/2.bin'], weights: specs }]
  const model = await file('model.json', JSON.stringify({ weightsManifest: manifest }))
  t.deepEqual(await initialWeightsFrom(model, layout), weights)
})

test('a learner with a base model starts from a round of the registry', async (t) => {
  const registry = fileRegistry(join(folder, 'models'))
  const lineage = {
    job: 'j',
    workload: 'w',
    seed: 1,
    round: 3,
    metrics: {},
    members: [],
    hash: await weightsHash(weights),
  }
  await registry.commit({ ...lineage, weights, layout })
  const learner: Learner = {
    layout,
    modelTopology: { class: 'x' },
    initialWeights: async () => new Float32Array(layout.size),
    train: async () => ({ delta: new Float32Array(layout.size).fill(1), samples: 1, metrics: {} }),
    evaluate: async () => ({ samples: 2, metrics: {} }),
  }
  const based = withBaseModel(learner, join(folder, 'models', 'j', 'round-0003', 'model.json'))
  const random = randomStream(1)
  t.deepEqual(await based.initialWeights(random), weights)
  const examples = { count: 0, shape: [], read: () => {}, label: () => 0 }
  t.is((await based.train({ weights, examples, random })).delta[0], 1)
  t.is((await based.evaluate(weights, examples)).samples, 2)
  t.deepEqual(based.modelTopology, learner.modelTopology)
})

test('a model that does not fit, can not be read, or is of another format is refused', async (t) => {
  const other = layoutOf([{ name: 'dense/kernel', shape: [2, 3] }])
  const fitting = await file('b.safetensors', encodeSafetensors(namedTensors(layout, weights)))
  await t.throwsAsync(initialWeightsFrom(fitting, other), { code: 'WEIGHTS_MISMATCH', message: /'dense\/bias'/ })
  await t.throwsAsync(initialWeightsFrom(join(folder, 'none.npz'), layout), {
    code: 'WEIGHTS_FILE',
    message: `weights file ${join(folder, 'none.npz')} cannot be read: there is no such file (ENOENT)`,
  })
  const large = await file('large.safetensors', '')
  await truncate(large, 2 ** 31 + 8)
  const error = await t.throwsAsync<CodedError>(initialWeightsFrom(large, layout), { message: /larger than the 2 GiB/ })
  t.regex(error?.hint ?? '', /model.json/)
  await rm(large)
  await t.throwsAsync(initialWeightsFrom(await file('a.pt', ''), layout), { code: 'WEIGHTS_FORMAT' })
  await t.throwsAsync(initialWeightsFrom(await file('c.npz', 'PK'), layout), { code: 'DATA_DAMAGED' })
  await t.throwsAsync(initialWeightsFrom(await file('c.json', '{'), layout), { code: 'WEIGHTS_MANIFEST' })
})
