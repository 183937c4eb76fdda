import { mkdtempSync, writeFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import type { CodedError } from '../../runtime/index.ts'
import { encodeNpzWeights } from '../formats/npz-weights.ts'
import type { Learner } from '../learn/learner.ts'
import { randomStream } from '../random/random-stream.ts'
import { fileRegistry } from '../registry/node-file-registry.ts'
import { encodeSafetensors } from '../weights/formats/safetensors.ts'
import { layoutOf, namedTensors, weightsHash } from '../weights/layout.ts'
import { groupNormalization } from './group-normalization.ts'
import { type LayersLearnerSettings, layersLearner } from './layers-learner.ts'
import { initialWeightsFrom } from './node-base-model.ts'
import { loadLayersModel, savedModel, withBaseModel } from './node-model-files.ts'
import { loadTensorFlow } from './tensorflow.ts'

type Model = LayersLearnerSettings['model']

async function newFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flame-model-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A round's folder in the registry, with initial weights of the model. */
async function committed(t: ExecutionContext, model: Model, engine: 'auto' | 'tensorflow') {
  const learner = await layersLearner({
    model,
    loss: 'categoricalCrossentropy',
    learningRate: 0.1,
    epochs: 1,
    batch: 2,
    engine,
  })
  const weights = await learner.initialWeights(randomStream(1))
  const registry = fileRegistry(await newFolder(t))
  const { layout, modelTopology } = learner
  const hash = await weightsHash(weights)
  const lineage = { job: 'a', workload: 'a', seed: 1, round: 1, metrics: {}, members: [] }
  await registry.commit({ ...lineage, weights, layout, hash, ...(modelTopology !== undefined && { modelTopology }) })
  return { folder: (await registry.latest('a'))?.location ?? '', weights }
}

const named = (...names: readonly string[]): Model => {
  return ({ layers, sequential }) => {
    const [first, ...others] = names.map((name, index) =>
      layers.dense({ name, units: 3, ...(index === 0 && { inputShape: [2] }) }),
    )
    return sequential({ layers: [...(first ? [first] : []), ...others] })
  }
}

const models: Readonly<Record<string, Model>> = {
  'a convolution with group normalization': ({ layers, sequential }) =>
    sequential({
      layers: [
        layers.conv2d({ filters: 4, kernelSize: 2, inputShape: [4, 4, 1] }),
        groupNormalization({ groups: 2 }),
        layers.flatten(),
        layers.dense({ units: 2, activation: 'softmax' }),
      ],
    }),
  'layers under odd names': named(
    'a.b',
    'A-b',
    'a/b',
    'my_layer',
    'myLayer',
    'conv2D_1',
    '0x',
    'dense_1',
    'a/dense_Dense1',
  ),
  'recurrent layers': ({ layers, sequential }) =>
    sequential({
      layers: [
        layers.lstm({ units: 3, inputShape: [2, 1], returnSequences: true }),
        layers.bidirectional({ layer: layers.gru({ units: 2 }), mergeMode: 'concat' }),
        layers.dense({ units: 2 }),
      ],
    }),
  'a layer of TensorFlow.js alone': ({ layers, sequential }) =>
    sequential({
      layers: [
        layers.convLstm2d({ filters: 2, kernelSize: 1, inputShape: [2, 1, 1, 1] }),
        layers.flatten(),
        layers.dense({ units: 2 }),
      ],
    }),
}

for (const [what, model] of Object.entries(models)) {
  for (const engine of ['auto', 'tensorflow'] as const) {
    test.serial(
      `a round's folder with ${what}, trained on ${engine}, loads as a layers model with its weights`,
      async (t) => {
        const { folder, weights } = await committed(t, model, engine)
        for (const place of [folder, join(folder, 'model.json'), pathToFileURL(folder)]) {
          const loaded = await loadLayersModel(place)
          t.deepEqual(Float32Array.from(loaded.getWeights().flatMap((tensor) => [...tensor.dataSync()])), weights)
          loaded.dispose()
        }
      },
    )
  }
}

for (const [what, model] of Object.entries(models)) {
  test.serial(`a learner of a round's folder with ${what} begins with its weights`, async (t) => {
    const { folder, weights } = await committed(t, model, 'auto')
    const saved = await savedModel(folder)
    const wrapped = { ...saved, topology: { model_config: saved.topology } }
    const isOfTensorFlow = what === 'a layer of TensorFlow.js alone'
    for (const given of isOfTensorFlow ? [saved] : [saved, wrapped]) {
      const steps = { learningRate: 0.1, epochs: 1, batch: 2 }
      const learner = await layersLearner({ model: given, loss: 'categoricalCrossentropy', ...steps })
      t.deepEqual(await learner.initialWeights(randomStream(2)), weights)
      t.is(learner.runsOn?.includes('TensorFlow.js'), isOfTensorFlow)
    }
  })
}

test.serial(
  'a learner of a folder in which TensorFlow.js numbered the layers itself begins with its weights',
  async (t) => {
    const tf = await loadTensorFlow()
    const folder = await newFolder(t)
    const model = tf.sequential({ layers: [tf.layers.lstm({ units: 2, inputShape: [2, 1] })] })
    await model.save(
      tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
        const manifest = { modelTopology, weightsManifest: [{ paths: ['w.bin'], weights: weightSpecs }] }
        writeFileSync(join(folder, 'model.json'), JSON.stringify(manifest))
        writeFileSync(join(folder, 'w.bin'), new Uint8Array(weightData instanceof ArrayBuffer ? weightData : []))
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
      }),
    )
    const steps = { loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch: 2 } as const
    const learner = await layersLearner({ model: await savedModel(folder), ...steps })
    const values = Float32Array.from(model.getWeights().flatMap((tensor) => [...tensor.dataSync()]))
    t.deepEqual(await learner.initialWeights(randomStream(2)), values)
  },
)

test('a TensorFlow.js of whom it may be is given, and gets the class of group normalization', async (t) => {
  const tf = await import('@tensorflow/tfjs')
  const { folder } = await committed(t, models['a convolution with group normalization'] ?? named('a'), 'auto')
  const loaded = await loadLayersModel(folder, tf)
  const output = loaded.predict(tf.ones([1, 4, 4, 1]))
  const sum = Array.isArray(output) ? 0 : output.sum().dataSync()[0]
  t.true(Math.abs((sum ?? 0) - 1) < 1e-6)
})

test('a folder without a model, without weights, or with weights alone is refused by name', async (t) => {
  await t.throwsAsync(loadLayersModel(await newFolder(t)), { code: 'WEIGHTS_FILE' })
  const { folder } = await committed(t, named('a'), 'auto')
  const copy = join(await newFolder(t), 'copy')
  await cp(folder, copy, { recursive: true })
  await unlink(join(copy, 'weights.bin'))
  await t.throwsAsync(loadLayersModel(copy), { code: 'WEIGHTS_FILE', message: /weights\.bin/ })
  const registry = fileRegistry(await newFolder(t))
  const weights = Float32Array.of(1)
  const layout = { tensors: [{ name: 'w', shape: [1] }], size: 1 }
  const lineage = { job: 'a', workload: 'a', seed: 1, round: 1, metrics: {}, members: [] }
  await registry.commit({ ...lineage, weights, layout, hash: await weightsHash(weights) })
  const alone = loadLayersModel((await registry.latest('a'))?.location ?? '')
  await t.throwsAsync(alone, { code: 'WEIGHTS_ARCHITECTURE' })
})

const refused: Readonly<Record<string, readonly [Model, RegExp]>> = {
  'a space in its name': [named('a b'), /'a b' has characters/],
  'an underscore before its name': [named('_a'), /'_a' has characters/],
  'no letter in its name': [named(''), /'' has characters/],
  'the name of another': [named('a', 'b', 'a'), /'a' belongs to two layers/],
  'the name of another within a model within the model': [
    ({ layers, sequential }) => {
      const inner = sequential({ layers: [layers.dense({ name: 'a', units: 2, inputShape: [2] })] })
      return sequential({ layers: [layers.dense({ name: 'a', units: 2, inputShape: [2] }), inner] })
    },
    /'a\/kernel' belongs to two tensors/,
  ],
}
for (const [what, [model, message]] of Object.entries(refused)) {
  for (const engine of ['auto', 'tensorflow'] as const) {
    test(`a layer with ${what} is refused before anything is trained, on ${engine}`, async (t) => {
      const made = layersLearner({ model, loss: 'mse', learningRate: 0.1, epochs: 1, batch: 1, engine })
      await t.throwsAsync(made, { code: 'LEARN_LAYER_NAME', message })
    })
  }
}

const layout = layoutOf([
  { name: 'dense/kernel', shape: [2, 3] },
  { name: 'dense/bias', shape: [3] },
])
const weights = Float32Array.from({ length: 9 }, (_, index) => index / 7)
const folder = mkdtempSync(join(tmpdir(), 'flame-base-'))
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
    predict: async (values) => ({ shape: [1], values }),
  }
  const based = withBaseModel(learner, join(folder, 'models', 'j', 'round-0003', 'model.json'))
  const random = randomStream(1)
  t.deepEqual(await based.initialWeights(random), weights)
  const examples = { count: 0, shape: [], read: () => {}, label: () => 0 }
  t.is((await based.train({ weights, examples, random })).delta[0], 1)
  t.is((await based.evaluate(weights, examples)).samples, 2)
  t.is((await based.predict?.(weights, examples))?.values, weights)
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
