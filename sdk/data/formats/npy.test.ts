import { readFileSync } from 'node:fs'
import test from 'ava'
import * as fc from 'fast-check'
import { codeOf, cut, flipped } from '../../../test/support/damage.ts'
import { decodeNpy, encodeNpy } from './npy.ts'

/** An npy file of version 1 as numpy would write it, with any header. */
function npy(header: string, data: readonly number[] | Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header)
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0]
  return Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...length, ...text, ...data)
}

function header(descr: string, shape: string, order = 'False'): string {
  return `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`
}

const arrays = fc.oneof(
  fc.uint8Array(),
  fc.int8Array(),
  fc.uint16Array(),
  fc.int16Array(),
  fc.uint32Array(),
  fc.int32Array(),
  fc.float32Array(),
  fc.float64Array(),
)

test('what is written is read again, to the bit, in each type', (t) => {
  fc.assert(
    fc.property(arrays, fc.nat(2), (values, ones) => {
      const shape = [...Array.from({ length: ones }, () => 1), values.length]
      const bytes = encodeNpy({ shape, values })
      t.is((bytes.length - values.byteLength) % 64, 0)
      const read = decodeNpy(bytes, 'array.npy')
      t.deepEqual(read.shape, shape)
      t.is(read.values.constructor, values.constructor)
      t.deepEqual(new Uint8Array(read.values.buffer), new Uint8Array(values.slice().buffer))
    }),
  )
})

// fixtures/fortran.npy: np.save('fortran.npy', np.asfortranarray(np.arange(24, dtype='<f4').reshape(2, 3, 4))), numpy 2.4.6
test('an array of numpy in Fortran order is brought into row-major order', (t) => {
  const { shape, values } = decodeNpy(readFileSync('sdk/data/formats/fixtures/fortran.npy'), 'fortran.npy')
  t.deepEqual(shape, [2, 3, 4])
  t.deepEqual(
    values,
    Float32Array.from({ length: 24 }, (_, index) => index),
  )
})

test('big-endian numbers are turned round, and the file stays as it is', (t) => {
  fc.assert(
    fc.property(fc.float64Array(), (values) => {
      const big = new DataView(new ArrayBuffer(values.byteLength))
      values.forEach((value, index) => big.setFloat64(8 * index, value))
      const bytes = npy(header('>f8', `(${values.length},)`), new Uint8Array(big.buffer))
      const before = bytes.slice()
      t.deepEqual(decodeNpy(bytes, 'big.npy').values, values)
      t.deepEqual(bytes, before)
    }),
  )
})

test('versions 2 and 3, other spellings of the header, and no dimensions are read', (t) => {
  const spellings = [
    npy(header('<i2', '(2,)'), [1, 0, 2, 0], 2),
    npy(header('<i2', '(2,)'), [1, 0, 2, 0], 3),
    npy("{'shape': (2L,), 'fortran_order': True, 'descr': '<i2'}", [1, 0, 2, 0]),
    npy("{  'descr' :'<i2','fortran_order':False,'shape':( 2 , ),  }   \n", [1, 0, 2, 0]),
  ]
  for (const bytes of spellings) t.deepEqual(decodeNpy(bytes, 'a.npy').values, Int16Array.of(1, 2))
  t.deepEqual(decodeNpy(npy(header('|u1', '()'), [7]), 'a.npy'), {
    kind: 'u1',
    shape: [],
    values: Uint8Array.of(7),
  })
})

test('64-bit integers become doubles, unless they can not exactly', (t) => {
  const int64 = (value: bigint) => npy(header('<i8', '(1,)'), new Uint8Array(BigInt64Array.of(value).buffer))
  t.deepEqual(decodeNpy(int64(-5n), 'a.npy').values, Float64Array.of(-5))
  const error = t.throws(() => decodeNpy(int64(2n ** 53n), 'a.npy'), { code: 'DATA_TYPE' })
  t.regex(error?.message ?? '', /9007199254740992 at byte \d+ is beyond 2\^53/)
})

test('what is no array of numbers is refused', (t) => {
  for (const descr of ['|O', '<U3', '|S2', '<c8', '<M8[s]', '<f16', '|f4', '=f4']) {
    t.throws(() => decodeNpy(npy(header(descr, '(0,)'), []), 'a.npy'), { code: 'DATA_TYPE' }, descr)
  }
  const structured = "{'descr': [('x', '<f4'), ('y', '<i4')], 'fortran_order': False, 'shape': (0,), }"
  t.throws(() => decodeNpy(npy(structured, []), 'a.npy'), { code: 'DATA_TYPE' })
})

test('a header that is none is refused with its place', (t) => {
  for (const text of [
    '',
    '{}',
    "{'descr': '<f4', 'fortran_order': False}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': True}",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740993,)}",
    "{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}",
  ]) {
    const error = t.throws(() => decodeNpy(npy(text, [0, 0, 0, 0]), 'a.npy'), { code: 'DATA_DAMAGED' }, text)
    t.regex(error?.message ?? '', /a\.npy is damaged at byte 10: expected a dictionary/)
  }
  for (const version of [0, 4]) {
    const message = new RegExp(`at byte 6: expected version 1, 2 or 3, but found ${version}`)
    t.throws(() => decodeNpy(npy(header('|u1', '()'), [7], version), 'a.npy'), { code: 'DATA_DAMAGED', message })
  }
  t.throws(() => decodeNpy(npy(header('|b1', '(3,)'), [0, 2, 1]), 'a.npy'), {
    code: 'DATA_DAMAGED',
    message: /at byte \d+: expected a boolean 0 or 1, but found 2/,
  })
})

test('a damaged file is refused with a code, or it gives an array', (t) => {
  const whole = encodeNpy({ shape: [3, 2], values: Float32Array.of(1, 2, 3, 4, 5, 6) })
  fc.assert(fc.property(cut(whole), (bytes) => codeOf(() => decodeNpy(bytes, 'a.npy')) === 'DATA_DAMAGED'))
  fc.assert(
    fc.property(flipped(whole), (bytes) => {
      const code = codeOf(() => decodeNpy(bytes, 'a.npy'))
      return code === undefined || code === 'DATA_DAMAGED' || code === 'DATA_TYPE'
    }),
    { numRuns: 1_000 },
  )
  t.throws(() => decodeNpy(Uint8Array.of(...whole, 0), 'a.npy'), { code: 'DATA_DAMAGED' })
})
