import { readFileSync } from 'node:fs'
import test from 'ava'
import * as fc from 'fast-check'
import { encodeNpz } from '../data/formats/npz.ts'
import { decodeNpzWeights, encodeNpzWeights } from './npz-weights.ts'

// fixtures/weights.npz, numpy 2.4.6: np.savez('weights.npz', **{'dense/kernel': np.array([[1, -2.5], [0.1, 3e38]], 'f4'),
// 'dense/bias': np.array([0.5, 0.1], 'f8')})
test('an archive of numpy gives its tensors', (t) => {
  t.deepEqual(decodeNpzWeights(readFileSync('sdk/weights/formats/fixtures/weights.npz'), 'weights.npz'), [
    { name: 'dense/kernel', shape: [2, 2], values: Float32Array.of(1, -2.5, 0.1, 3e38) },
    { name: 'dense/bias', shape: [2], values: Float32Array.of(0.5, 0.1) },
  ])
})

test('what is written is read again', (t) => {
  const values = fc.float32Array({ noNaN: true })
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1 })), values, (names, values) => {
      const tensors = names.map((name) => ({ name, shape: [1, values.length], values }))
      const read = decodeNpzWeights(encodeNpzWeights(tensors), 'a.npz')
      t.deepEqual(new Set(read.map(({ name }) => name)), new Set(names))
      for (const tensor of read) t.deepEqual({ ...tensor, name: '' }, { name: '', shape: [1, values.length], values })
    }),
  )
})

test('integers are no weights, and a name does not come twice', (t) => {
  const integers = encodeNpz(new Map([['steps', { shape: [1], values: Int32Array.of(3) }]]))
  t.throws(() => decodeNpzWeights(integers, 'a.npz'), { code: 'WEIGHTS_TYPE', message: /'steps' of a.npz has .* i4/ })
  const tensor = { name: 'a', shape: [0], values: new Float32Array() }
  t.throws(() => encodeNpzWeights([tensor, tensor]), { code: 'WEIGHTS_NAME' })
})
