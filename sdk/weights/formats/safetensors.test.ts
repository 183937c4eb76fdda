import { readFileSync } from 'node:fs'
import test from 'ava'
import * as fc from 'fast-check'
import { codeOf, cut, flipped } from '../../../test/support/damage.ts'
import type { NamedTensor } from '../layout.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'

const fixture = (name: string) => readFileSync(`sdk/weights/formats/fixtures/${name}`)

/** A file with this header, as text, and these values. */
function file(header: string, data: readonly number[] = []): Uint8Array {
  const text = new TextEncoder().encode(header)
  return Uint8Array.of(text.length & 255, text.length >> 8, 0, 0, 0, 0, 0, 0, ...text, ...data)
}

const tensors: fc.Arbitrary<NamedTensor[]> = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ unit: 'binary' }).filter((name) => name !== '__metadata__'),
      values: fc.float32Array(),
      ones: fc.nat(2),
    }),
    { selector: ({ name }) => name },
  )
  .map((all) =>
    all.map(({ name, values, ones }) => ({
      name,
      shape: [values.length, ...Array.from({ length: ones }, () => 1)],
      values,
    })),
  )

test('what is written is read again, names, shapes and bits', (t) => {
  fc.assert(
    fc.property(tensors, (tensors) => {
      const bytes = encodeSafetensors(tensors)
      const byName = new Map(decodeSafetensors(bytes, 'a.safetensors').map((tensor) => [tensor.name, tensor]))
      t.is(byName.size, tensors.length)
      for (const { name, shape, values } of tensors) {
        const read = byName.get(name)
        t.deepEqual(read?.shape, shape)
        t.deepEqual(new Uint8Array(read?.values.buffer ?? new ArrayBuffer()), new Uint8Array(values.slice().buffer))
      }
    }),
  )
})

test('the values begin at a multiple of 8, and the header with its brace', (t) => {
  fc.assert(
    fc.property(tensors, (tensors) => {
      const bytes = encodeSafetensors(tensors)
      return Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8 === 0 && bytes[8] === 0x7b
    }),
  )
  t.pass()
})

// fixtures/mixed.safetensors, safetensors 0.8.0 with numpy 2.4.6: safetensors.numpy.save_file({'dense/kernel':
// np.array([[1, -2.5], [0.1, 3e38]], 'f4'), 'dense/bias': np.array([0.5, -65504, 6e-8], 'f2'),
// 'wide': np.array([0.1], 'f8'), 'scalar': np.array(7, 'f4')}, 'mixed.safetensors', metadata={'format': 'np'})
test('a file of the safetensors library is read in each of its float types', (t) => {
  const read = decodeSafetensors(fixture('mixed.safetensors'), 'mixed.safetensors')
  t.deepEqual(
    read.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    [
      { name: 'dense/bias', shape: [3], values: Float32Array.of(0.5, -65504, 2 ** -24) },
      { name: 'dense/kernel', shape: [2, 2], values: Float32Array.of(1, -2.5, 0.1, 3e38) },
      { name: 'scalar', shape: [], values: Float32Array.of(7) },
      { name: 'wide', shape: [1], values: Float32Array.of(0.1) },
    ],
  )
})

// fixtures/bfloat16.safetensors, as above with ml_dtypes 0.6.0:
// {'b': np.array([1, -2.5, 0.15625, 3e38, np.inf], 'f4').astype(ml_dtypes.bfloat16)}
test('bfloat16 is read as the upper half of a float32', (t) => {
  const [tensor] = decodeSafetensors(fixture('bfloat16.safetensors'), 'b.safetensors')
  const bits = new Uint32Array(tensor?.values.slice().buffer ?? new ArrayBuffer())
  t.deepEqual([...bits], [0x3f800000, 0xc0200000, 0x3e200000, 0x7f620000, 0x7f800000])
})

test('a header that does not fit the format is refused with what is wrong', (t) => {
  const f32 = (name: string, from: number, to: number, shape = '[1]') =>
    `"${name}":{"dtype":"F32","shape":${shape},"data_offsets":[${from},${to}]}`
  const four = [0, 0, 0, 0]
  const refused: readonly (readonly [Uint8Array, RegExp])[] = [
    [file(`{${f32('a', 0, 4)}}`), /expected 4 bytes of tensor 'a', but found the end/],
    [file(`{${f32('a', 0, 4)}}`, [...four, 0]), /expected the end, but found 1 bytes more/],
    [file(`{${f32('a', 4, 8)}}`, [...four, ...four]), /'a' to begin 0 bytes after the header, but found 4/],
    [file(`{${f32('a', 0, 4)},${f32('b', 2, 6)}}`, [...four, 0, 0]), /'b' to begin 4 bytes/],
    [file(`{${f32('a', 0, 4, '[2]')}}`, four), /expected 8 bytes of tensor 'a' of shape \[2\]/],
    [file(`{${f32('a', 0, 4, '[-1]')}}`, four), /'a' of the header that fits the format, but found shape\.0/],
    [file(`{${f32('a', 0, 4, '[1.5]')}}`, four), /shape\.0/],
    [file('{"a":{"dtype":"F32","shape":[]}}', four), /data_offsets/],
    [file('{"__metadata__":{"x":1}}'), /'__metadata__' of the header/],
    [file(' {}'), /expected a JSON object/],
    [file('[]'), /expected a JSON object/],
    [file('{"a":'), /expected a JSON object/],
    [file('null'), /expected a JSON object/],
    [Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 123), /at byte 0: expected a header of at most 1 bytes/],
  ]
  for (const [bytes, message] of refused) {
    t.throws(() => decodeSafetensors(bytes, 'a'), { code: 'WEIGHTS_DAMAGED', message })
  }
  const integers = file('{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}', [...four, ...four])
  t.throws(() => decodeSafetensors(integers, 'a'), { code: 'WEIGHTS_TYPE', message: /'a' of a has values of type I64/ })
})

test('a damaged file is refused with a code, or it gives tensors', (t) => {
  for (const name of ['mixed.safetensors', 'bfloat16.safetensors']) {
    const whole = new Uint8Array(fixture(name))
    fc.assert(fc.property(cut(whole), (bytes) => codeOf(() => decodeSafetensors(bytes, name)) === 'WEIGHTS_DAMAGED'))
    fc.assert(
      fc.property(flipped(whole), (bytes) => {
        const code = codeOf(() => decodeSafetensors(bytes, name))
        return code === undefined || code === 'WEIGHTS_DAMAGED' || code === 'WEIGHTS_TYPE'
      }),
      { numRuns: 2_000 },
    )
  }
  t.pass()
})

test('names that the format can not hold are refused', (t) => {
  const tensor = (name: string) => ({ name, shape: [0], values: new Float32Array() })
  t.throws(() => encodeSafetensors([tensor('__metadata__')]), { code: 'WEIGHTS_NAME' })
  t.throws(() => encodeSafetensors([tensor('a'), tensor('a')]), { code: 'WEIGHTS_NAME' })
})
