import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import {
  decodeCifar,
  decodeCsv,
  decodeIdx,
  decodeNpy,
  decodeNpz,
  decodeNpzWeights,
  decodeSafetensors,
  decodeTfjsGroup,
  decodeTfjsManifest,
  encodeNpy,
  encodeNpz,
  encodeSafetensors,
} from '../../../sdk/formats/index.ts'
import { type Decoder, decoder } from './decoder.ts'
import { mutatedBytes, mutatedText } from './mutations.ts'

const data = /^DATA_/
const weights = /^(DATA|WEIGHTS)_/
const fixture = (name: string) => new Uint8Array(readFileSync(`sdk/data/formats/fixtures/${name}`))

const arrays = [
  { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
  { shape: [4], values: Uint8Array.of(0, 1, 2, 255) },
  { shape: [], values: Float64Array.of(0.5) },
]
const npy = [...arrays.map(encodeNpy), fixture('fortran.npy')]
const zipped = [
  fixture('types.npz'),
  fixture('compressed.npz'),
  zipSync({ 'a.npy': [npy[0] ?? new Uint8Array(), { level: 9 }] }),
]
const floats = new Map([['a', { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) }]])

/** A file of unsigned bytes. */
function idx(shape: readonly number[]): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length)
  header.writeUInt32BE(0x800 + shape.length)
  for (const [index, length] of shape.entries()) header.writeUInt32BE(length, 4 + 4 * index)
  return Uint8Array.from([...header, ...new Uint8Array(shape.reduce((size, length) => size * length, 1))])
}

const tensors = [
  { name: 'dense/kernel', shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) },
  { name: 'dense/bias', shape: [2], values: Float32Array.of(1, 2) },
]
const manifest = JSON.stringify({
  modelTopology: { class_name: 'Sequential' },
  weightsManifest: [
    { paths: ['weights.bin'], weights: tensors.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })) },
  ],
})

const settings = [
  { label: 'y' },
  { label: 'y', missing: 'mean' },
  { label: 0, header: false, missing: 'drop' },
  { label: 'y', delimiter: ';', decimal: ',' },
  { label: 'y', classes: ['cat', 'dog'] },
  { label: 'y', encoding: 'utf-16le' },
  { label: 'a', categories: { y: ['cat', 'dog'] }, columns: ['y'], missing: 0 },
] as const
const tables = [
  'a,b,y\n1,2,0\n"3.5",-4,1\nNA,6,0\n',
  'a;b;y\n1,5;2;0\n',
  'a,y\n1,cat\n2,dog\r\n',
  '\ufeffa,y\n"1\n",2\n',
]

/** Decoders of files with data and weights. */
export const dataDecoders: readonly Decoder[] = [
  decoder('npy', mutatedBytes(npy), (bytes) => decodeNpy(bytes, 'a.npy'), data),
  decoder('npz', mutatedBytes([encodeNpz(floats), ...zipped]), (bytes) => decodeNpz(bytes, 'a.npz'), data),
  decoder(
    'npz-weights',
    mutatedBytes([encodeNpz(floats), ...zipped]),
    (bytes) => decodeNpzWeights(bytes, 'a.npz'),
    weights,
  ),
  decoder(
    'idx',
    fc.tuple(mutatedBytes([idx([3, 2, 2]), idx([0, 2, 2])]), mutatedBytes([idx([3]), idx([0])])),
    ([images, labels]) => decodeIdx({ file: 'images', bytes: images }, { file: 'labels', bytes: labels }),
    data,
  ),
  decoder(
    'csv',
    fc.tuple(fc.constantFrom(...settings), mutatedText(tables, ['NA', 'sep=;\n', '"\n', ';', '\t'])),
    ([setting, text]) => decodeCsv(text, 'a.csv', setting),
    data,
  ),
  decoder(
    'csv-bytes',
    fc.tuple(
      fc.constantFrom(...settings),
      mutatedBytes(tables.flatMap((text) => [Buffer.from(text), Buffer.from(text, 'utf16le')])),
    ),
    ([setting, bytes]) => decodeCsv(bytes, 'a.csv', setting),
    data,
  ),
  decoder(
    'cifar',
    fc.tuple(
      fc.constantFrom('cifar-10', 'cifar-100', 'cifar-100-coarse'),
      mutatedBytes([new Uint8Array(3073).fill(1), new Uint8Array(3074).fill(2)]),
    ),
    ([variant, bytes]) => decodeCifar(variant, [{ file: 'batch', bytes }]),
    data,
  ),
  decoder('safetensors', mutatedBytes([encodeSafetensors(tensors)]), (bytes) => decodeSafetensors(bytes, 'a'), weights),
  decoder(
    'tfjs-manifest',
    fc.tuple(mutatedText([manifest]), fc.uint8Array({ minLength: 20, maxLength: 28 })),
    ([text, shard]) =>
      decodeTfjsManifest(text, 'model.json').flatMap((group) => decodeTfjsGroup(group, [shard], 'model.json')),
    weights,
  ),
]
