import { io, layers, sequential, setBackend } from '@tensorflow/tfjs'
import test from 'ava'
import * as fc from 'fast-check'
import { codeOf, cut, flipped } from '../../../test/support/damage.ts'
import { layoutOf, namedTensors } from '../layout.ts'
import { decodeTfjsGroup, tfjsModel } from './tfjs.ts'
import { decodeTfjsManifest } from './tfjs-manifest.ts'

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength)

test('a model of TensorFlow.js is read as it has saved it', async (t) => {
  await setBackend('cpu')
  const model = sequential({
    layers: [layers.dense({ name: 'hidden', units: 3, inputShape: [2] }), layers.dense({ name: 'out', units: 1 })],
  })
  const saved = await new Promise<io.ModelArtifacts>((resolve) => {
    void model.save(
      io.withSaveHandler(async (artifacts) => {
        resolve(artifacts)
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
      }),
    )
  })
  const weights = saved.weightData instanceof ArrayBuffer ? new Uint8Array(saved.weightData) : new Uint8Array()
  const manifest = [{ paths: ['group1-shard1of1.bin'], weights: saved.weightSpecs }]
  const [group] = decodeTfjsManifest(JSON.stringify({ ...saved, weightsManifest: manifest }), 'model.json')
  if (!group) return t.fail()
  const read = decodeTfjsGroup(group, [weights], 'model.json')
  t.deepEqual(
    read.map(({ name, shape, values }) => [name, shape, values]),
    model.weights.map((weight) => [weight.originalName, weight.shape, weight.read().dataSync()]),
  )
})

test('what the registry writes is read again, however it is cut into shards', (t) => {
  const shapes = fc.uniqueArray(fc.tuple(fc.string(), fc.array(fc.nat(3), { maxLength: 3 })), {
    selector: ([name]) => name,
  })
  fc.assert(
    fc.property(shapes, fc.array(fc.nat()), (shapes, cuts) => {
      const layout = layoutOf(shapes.map(([name, shape]) => ({ name, shape })))
      const weights = Float32Array.from({ length: layout.size }, (_, index) => index / 3)
      const bytes = bytesOf(weights)
      const bounds = [0, ...cuts.map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
      const shards = bounds.slice(1).map((end, index) => bytes.subarray(bounds[index], end))
      const [group] = decodeTfjsManifest(JSON.stringify(tfjsModel(layout, undefined)), 'model.json')
      if (!group) return t.fail()
      t.deepEqual(decodeTfjsGroup(group, shards, 'model.json'), namedTensors(layout, weights))
    }),
  )
})

const manifest = (weight: object, paths = ['a.bin']) =>
  JSON.stringify({
    weightsManifest: [{ paths, weights: [{ name: 'kernel', shape: [2], dtype: 'float32', ...weight }] }],
  })

test('quantized weights, and those that are no floats, are refused by name', (t) => {
  const quantized = manifest({ quantization: { dtype: 'uint8', scale: 0.1, min: 0 } })
  t.throws(() => decodeTfjsManifest(quantized, 'm'), { code: 'WEIGHTS_QUANTIZED', message: /'kernel' of m .* uint8/ })
  t.throws(() => decodeTfjsManifest(manifest({ dtype: 'int32' }), 'm'), { code: 'WEIGHTS_TYPE', message: /int32/ })
})

test('a path that leads out of the folder of the model is refused', (t) => {
  for (const path of [
    '../a.bin',
    '/a.bin',
    'a/../../b.bin',
    'C:\\a.bin',
    '..\\a.bin',
    'file:///a.bin',
    'https://x/a',
    '',
    'a\0b',
  ]) {
    t.throws(() => decodeTfjsManifest(manifest({}, [path]), 'm'), { code: 'WEIGHTS_MANIFEST' }, path)
  }
  t.deepEqual(decodeTfjsManifest(manifest({}, ['deep/a..bin']), 'm')[0]?.paths, ['deep/a..bin'])
})

test('shards that are together longer or shorter are refused', (t) => {
  const [group] = decodeTfjsManifest(manifest({}, ['a.bin', 'b.bin']), 'model.json')
  if (!group) return t.fail()
  for (const lengths of [[4, 3], [8, 1], [0, 0], [8]]) {
    const shards = lengths.map((length) => new Uint8Array(length))
    const enough = lengths.length === 1
    const work = () => decodeTfjsGroup(group, shards, 'model.json')
    if (enough) t.is(work().length, 1)
    else t.throws(work, { code: 'WEIGHTS_SHARD', message: /a\.bin, b\.bin of model\.json must have 8 bytes/ })
  }
})

test('a damaged model.json is refused with a code, or read', (t) => {
  const whole = new TextEncoder().encode(manifest({}))
  const code = (bytes: Uint8Array) => codeOf(() => decodeTfjsManifest(new TextDecoder().decode(bytes), 'm'))
  fc.assert(fc.property(cut(whole), (bytes) => code(bytes) === 'WEIGHTS_MANIFEST'))
  fc.assert(
    fc.property(flipped(whole), (bytes) => [undefined, 'WEIGHTS_MANIFEST', 'WEIGHTS_TYPE'].includes(code(bytes))),
    { numRuns: 1_000 },
  )
  t.throws(() => decodeTfjsManifest('{"modelTopology":{}}', 'm'), {
    code: 'WEIGHTS_MANIFEST',
    message: /weightsManifest/,
  })
})
