import test from 'ava'
import * as fc from 'fast-check'
import { layoutOf, namedTensors, weightsOf } from './layout.ts'

const layout = layoutOf([
  { name: 'kernel', shape: [2, 3] },
  { name: 'bias', shape: [3] },
  { name: 'scale', shape: [] },
])
const weights = Float32Array.from({ length: 10 }, (_, index) => index)

test('tensors in any order give the weights that they came from', (t) => {
  const tensors = namedTensors(layout, weights)
  fc.assert(
    fc.property(fc.shuffledSubarray(tensors, { minLength: 3 }), (shuffled) => {
      t.deepEqual(weightsOf(shuffled, layout, 'a'), weights)
    }),
  )
  t.throws(() => namedTensors(layout, new Float32Array(9)), { code: 'WEIGHTS_SIZE' })
})

test('every tensor that does not fit is named', (t) => {
  const tensors = [
    { name: 'kernel', shape: [3, 2], values: new Float32Array(6) },
    { name: 'bias', shape: [3], values: Float32Array.of(0, 0, Number.NaN) },
    { name: 'gamma', shape: [1], values: new Float32Array(1) },
  ]
  const error = t.throws(() => weightsOf(tensors, layout, 'base.npz'), { code: 'WEIGHTS_MISMATCH' })
  t.is(
    error?.message,
    "the tensors of base.npz don't fit the model: 'kernel' must have shape [2,3], but has [3,2]; 'bias' must be finite, " +
      "but value 2 is NaN; it has no tensor 'scale' of shape []; the model has no tensor 'gamma' of shape [1]",
  )
})
