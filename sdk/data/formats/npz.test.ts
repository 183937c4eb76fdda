import { readFileSync } from 'node:fs'
import test from 'ava'
import * as fc from 'fast-check'
import { zipSync } from 'fflate'
import { codeOf, cut, flipped } from '../../../test/support/damage.ts'
import { encodeNpy } from './npy.ts'
import { decodeNpz, encodeNpz } from './npz.ts'

const fixture = (name: string) => readFileSync(`sdk/data/formats/fixtures/${name}`)

// fixtures/types.npz, numpy 2.4.6: np.savez('types.npz', **{name: np.array([0, 1, 2.5, 100]).astype(type)}) for
// b1, u1, >i2, <i4, <i8, <f2, >f8.
test('an archive of numpy is read in each of its types', (t) => {
  const arrays = decodeNpz(fixture('types.npz'), 'types.npz')
  t.deepEqual(Object.fromEntries([...arrays].map(([name, { values }]) => [name, values])), {
    b1: Uint8Array.of(0, 1, 1, 1),
    u1: Uint8Array.of(0, 1, 2, 100),
    'be-i2': Int16Array.of(0, 1, 2, 100),
    'le-i4': Int32Array.of(0, 1, 2, 100),
    'le-i8': Float64Array.of(0, 1, 2, 100),
    'le-f2': Float32Array.of(0, 1, 2.5, 100),
    'be-f8': Float64Array.of(0, 1, 2.5, 100),
  })
})

// fixtures/compressed.npz, numpy 2.4.6: np.savez_compressed('compressed.npz', x_test=np.zeros((100, 2, 2), 'u1'),
// x_train=np.arange(12, dtype='u1').reshape(3, 2, 2), y_train=np.array([2, 0, 1], 'i8')).
test('only the arrays asked for are unpacked', (t) => {
  const arrays = decodeNpz(fixture('compressed.npz'), 'c.npz', ['x_train', 'y_train'])
  t.deepEqual([...arrays.keys()], ['x_train', 'y_train'])
  t.deepEqual(arrays.get('x_train')?.shape, [3, 2, 2])
  t.deepEqual(arrays.get('x_train')?.values, Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11))
  t.is(decodeNpz(fixture('compressed.npz'), 'c.npz').size, 3)
})

test('what is written is read again, and the same arrays give the same bytes', (t) => {
  const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(fc.uniqueArray(names), fc.float32Array(), (names, values) => {
      const arrays = new Map(names.map((name) => [name, { shape: [values.length], values }]))
      const bytes = encodeNpz(arrays)
      t.deepEqual(encodeNpz(arrays), bytes)
      const read = decodeNpz(bytes, 'a.npz')
      t.deepEqual(new Set(read.keys()), new Set(names))
      for (const array of read.values()) t.deepEqual(array.values, values)
    }),
  )
})

test('an array that is not there is refused, with those that are', (t) => {
  const error = t.throws(() => decodeNpz(fixture('compressed.npz'), 'c.npz', ['x_val']), { code: 'DATA_MEMBER' })
  t.true(error !== undefined && 'hint' in error && error.hint === 'it has x_train, y_train, x_test')
})

test('a value that changed by a bit is found by the check sum', (t) => {
  const values = Float32Array.from({ length: 64 }, (_, index) => index)
  for (const level of [0, 6] as const) {
    const whole = zipSync({ 'a.npy': encodeNpy({ shape: [64], values }) }, { level })
    const at = whole.length - 100
    whole[at] = (whole[at] ?? 0) ^ 1
    t.throws(() => decodeNpz(whole, 'a.npz'), { code: 'DATA_DAMAGED' })
  }
})

test('a damaged archive is refused with a code, or still gives its arrays', (t) => {
  for (const name of ['types.npz', 'compressed.npz']) {
    const whole = new Uint8Array(fixture(name))
    const expected = decodeNpz(whole, name)
    fc.assert(fc.property(cut(whole), (bytes) => codeOf(() => decodeNpz(bytes, name)) === 'DATA_DAMAGED'))
    const flips = fc.oneof(
      flipped(whole),
      flipped(whole.toReversed()).map((bytes) => bytes.toReversed()),
    )
    fc.assert(
      fc.property(flips, (bytes) => {
        const code = codeOf(() => {
          for (const [key, { values }] of decodeNpz(bytes, name)) {
            if (expected.has(key)) t.deepEqual(values, expected.get(key)?.values)
          }
        })
        return code === undefined || code === 'DATA_DAMAGED' || code === 'DATA_TYPE'
      }),
      { numRuns: 2_000 },
    )
  }
})

test('a member that claims to be impossibly large is refused before it is unpacked', (t) => {
  const whole = zipSync({ 'a.npy': encodeNpy({ shape: [64], values: new Float32Array(64) }) })
  const entry = whole.findIndex((_, at) => whole[at] === 0x50 && whole[at + 1] === 0x4b && whole[at + 2] === 1)
  new DataView(whole.buffer).setUint32(entry + 24, 0xfffffff0, true)
  t.throws(() => decodeNpz(whole, 'a.npz'), { code: 'DATA_DAMAGED', message: /4294967280 bytes/ })
})

test('two members of one name are refused', (t) => {
  const array = encodeNpy({ shape: [1], values: Uint8Array.of(1) })
  const archive = Buffer.from(zipSync({ 'a.npy': array, 'b.npy': array }, { level: 0 })).toString('latin1')
  const twice = Buffer.from(archive.replaceAll('b.npy', 'a.npy'), 'latin1')
  t.throws(() => decodeNpz(twice, 'a.npz'), { code: 'DATA_DAMAGED', message: /another name than a\.npy/ })
})
